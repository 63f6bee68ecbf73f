"""Settings files: what they set, what goes before them, and how mistakes are told."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from surtitle.cli import main as cli
from surtitle.cli.main import main
from surtitle.core.settings import Limits, Settings


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """What the service would have been started with."""
    found: list[Settings] = []

    async def serve(settings: Settings, *_: Any) -> None:
        found.append(settings)

    monkeypatch.setattr(cli, "_serve", serve)
    return found


def run(*arguments: str, **environment: str) -> click.testing.Result:
    return CliRunner().invoke(main, ["serve", *arguments], env=environment)


def written(folder: Path, text: str) -> str:
    path = folder / "surtitle.toml"
    path.write_text(text)
    return str(path)


def test_a_file_sets_what_it_says(tmp_path: Path, started: list[Settings]) -> None:
    file = written(
        tmp_path,
        """
        port = 8123
        engine = "pocketsphinx"
        allow-origin = ["https://one.example", "https://two.example"]
        require_token = false
        model = ""
        [limits]
        readers = 50
        session_rest = 3600.5
        """,
    )
    assert run("--config", file).output == ""
    (settings,) = started
    assert (settings.port, settings.engine, settings.model) == (8123, "pocketsphinx", None)
    assert settings.allow_origin == ("https://one.example", "https://two.example")
    assert (settings.limits.readers, settings.limits.session_rest) == (50, 3600.5)
    assert settings.limits.sources == Limits().sources


def test_the_environment_goes_before_it_and_an_option_before_both(tmp_path: Path, started: list[Settings]) -> None:
    file = written(tmp_path, "port = 8001\nlanguage = 'de'\nengine = 'pocketsphinx'")
    assert (
        run("--config", file, "--port", "8003", SURTITLE_SERVE_PORT="8002", SURTITLE_SERVE_LANGUAGE="fr").output == ""
    )
    (settings,) = started
    assert (settings.port, settings.language, settings.engine) == (8003, "fr", "pocketsphinx")


def test_limits_on_the_command_line_and_in_the_environment(started: list[Settings]) -> None:
    run("--limit", "readers=7", "--limit", "idle-timeout=1.5")
    run(SURTITLE_SERVE_LIMITS="readers=9 sources=2")
    assert (started[0].limits.readers, started[0].limits.idle_timeout) == (7, 1.5)
    assert (started[1].limits.readers, started[1].limits.sources) == (9, 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("port = 80\nprot = 8000", "line 2, prot is no setting"),
        ('port = "many"', "line 1, port: 'many' is not a valid integer"),
        ("\n\nport = 70000", "line 3, port: 70000 is not in the range"),
        ("port = true", "line 1, port: write a text or a number"),
        ('engine = "magic"', "line 1, engine: 'magic' is not one of"),
        ('allow_origin = "https://x"', "line 1, allow_origin: write a list"),
        ('require_token = "yes"', "line 1, require_token: write true or false"),
        ("port = x", "line 1"),
        ("limits = 3", "line 1, limits: it is a table"),
        ("[limits]\nreaders = 0", "line 2, readers: readers is a whole number over 0"),
        ("[limits]\nreaders = 1.5", "line 2, readers: readers is a whole number over 0"),
        ("[limits]\nraeders = 1", "line 2, raeders: 'raeders' is no limit"),
        ("config = 'x'", "line 1, config is no setting"),
        ("secret = 'x'", "line 1, secret is no setting"),
    ],
)
def test_mistakes_are_told_with_line_and_field(tmp_path: Path, started: list[Settings], text: str, told: str) -> None:
    done = run("--config", written(tmp_path, text))
    assert done.exit_code == 2
    assert "surtitle.toml" in done.output
    assert told in " ".join(done.output.split())
    assert not started


def test_wrong_limits_are_told(started: list[Settings]) -> None:
    for limit in ("readers", "readers=", "readers=-1", "readers=x", "speed=1", "session_rest=inf", "session_rest=nan"):
        assert run("--limit", limit).exit_code == 2
    assert not started


def test_the_example_says_all_and_changes_nothing(tmp_path: Path, started: list[Settings]) -> None:
    example = CliRunner().invoke(main, ["config"]).output
    assert tomllib.loads(example) == {"limits": {}}
    assert run("--config", written(tmp_path, example)).output == ""
    assert run().output == ""
    assert started[0] == started[1]
    every = re.sub(r"^#(\w+ = )", r"\1", example, flags=re.MULTILINE)
    assert run("--config", written(tmp_path, every)).output == ""
    assert started[2] == started[0]
    assert set(tomllib.loads(every)["limits"]) == set(Limits.__dataclass_fields__)


def test_public_addresses(started: list[Settings]) -> None:
    for wrong in ("captions.example", "ftp://x", "https://x/path", "https://x?y"):
        assert run("--public-url", wrong).exit_code == 2
    done = run("--public-url", "https://captions.example")
    assert done.exit_code == 2
    assert "surtitle token new-secret" in done.output
    assert run("--tls-key", "x").exit_code == 2
    assert not started
