"""Settings files: what they set, what overrides them, and how mistakes are reported."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from surtitle.cli.main import main
from surtitle.core.settings import Limits, Settings


def run(*arguments: str, **environment: str) -> click.testing.Result:
    return CliRunner().invoke(main, ["serve", *arguments], env=environment)


def write_config(folder: Path, text: str) -> str:
    path = folder / "surtitle.toml"
    path.write_text(text)
    return str(path)


def test_a_file_sets_options_and_limits(tmp_path: Path, served: list[Settings]) -> None:
    file = write_config(
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
    (settings,) = served
    assert (settings.port, settings.engine, settings.model) == (8123, "pocketsphinx", "pocketsphinx")
    assert settings.allow_origin == ("https://one.example", "https://two.example")
    assert (settings.limits.readers, settings.limits.session_rest) == (50, 3600.5)
    assert settings.limits.sources == Limits().sources


def test_the_environment_overrides_the_file_and_options_override_both(tmp_path: Path, served: list[Settings]) -> None:
    file = write_config(tmp_path, "port = 8001\nlanguage = 'de'\nengine = 'pocketsphinx'")
    assert (
        run("--config", file, "--port", "8003", SURTITLE_SERVE_PORT="8002", SURTITLE_SERVE_LANGUAGE="fr").output == ""
    )
    (settings,) = served
    assert (settings.port, settings.language, settings.engine) == (8003, "fr", "pocketsphinx")


def test_limits_on_the_command_line_and_in_the_environment(served: list[Settings]) -> None:
    run("--limit", "readers=7", "--limit", "idle-timeout=1.5")
    run(SURTITLE_SERVE_LIMITS="readers=9 sources=2")
    assert (served[0].limits.readers, served[0].limits.idle_timeout) == (7, 1.5)
    assert (served[1].limits.readers, served[1].limits.sources) == (9, 2)


def test_tenants(tmp_path: Path, served: list[Settings]) -> None:
    run()
    run("--tenant-separator", "-", "--limit", "sources-per-tenant=3")
    run("--config", write_config(tmp_path, 'tenant_separator = "."'))
    assert [settings.tenants.of("acme-hall.left") for settings in served] == ["", "acme", "acme-hall"]
    assert [settings.limits.sources_per_tenant for settings in served] == [0, 3, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("port = 80\nprot = 8000", "line 2, prot is not a setting"),
        ('port = "many"', "line 1, port: 'many' is not a valid integer"),
        ("\n\nport = 70000", "line 3, port: 70000 is not in the range"),
        ("port = true", "line 1, port: write a string or a number"),
        ('engine = "magic"', "line 1, engine: 'magic' is not one of"),
        ('allow_origin = "https://x"', "line 1, allow_origin: write a list"),
        ('require_token = "yes"', "line 1, require_token: write true or false"),
        ("port = x", "line 1"),
        ("limits = 3", "line 1, limits: write a table"),
        ("[limits]\nreaders = 0", "line 2, readers: readers must be a whole number greater than 0"),
        ("[limits]\nreaders = 1.5", "line 2, readers: readers must be a whole number greater than 0"),
        ("[limits]\nraeders = 1", "line 2, raeders: 'raeders' is not a known limit"),
        ("config = 'x'", "line 1, config is not a setting"),
        ("secret = 'x'", "line 1, secret is not a setting"),
    ],
)
def test_mistakes_are_reported_with_line_and_key(
    tmp_path: Path, served: list[Settings], text: str, message: str
) -> None:
    done = run("--config", write_config(tmp_path, text))
    assert done.exit_code == 2
    assert "surtitle.toml" in done.output
    assert message in " ".join(done.output.split())
    assert not served


def test_invalid_limits_are_refused(served: list[Settings]) -> None:
    for limit in ("readers", "readers=", "readers=-1", "readers=x", "speed=1", "session_rest=inf", "session_rest=nan"):
        assert run("--limit", limit).exit_code == 2
    assert not served


def test_the_example_has_every_setting_and_changes_nothing(tmp_path: Path, served: list[Settings]) -> None:
    example = CliRunner().invoke(main, ["config"]).output
    assert tomllib.loads(example) == {"limits": {}}
    assert run("--config", write_config(tmp_path, example)).output == ""
    assert run().output == ""
    assert served[0] == served[1]
    every = re.sub(r"^#(\w+ = )", r"\1", example, flags=re.MULTILINE)
    assert run("--config", write_config(tmp_path, every)).output == ""
    assert served[2] == served[0]
    assert set(tomllib.loads(every)["limits"]) == set(Limits.__dataclass_fields__)


def test_invalid_public_addresses_are_refused(served: list[Settings]) -> None:
    for invalid in ("captions.example", "ftp://x", "https://x/api", "https://x/view/x", "https://x?y"):
        assert run("--public-url", invalid).exit_code == 2
    done = run("--public-url", "https://captions.example/captions/")
    assert done.exit_code == 2
    assert "surtitle token new-secret" in done.output
    assert run("--tls-key", "x").exit_code == 2
    assert not served


def test_the_options_for_clients_of_other_programs(tmp_path: Path, served: list[Settings]) -> None:
    file = write_config(tmp_path, 'vosk_port = 2700\nwyoming_port = 10300\ncompat_channel = "desk"')
    assert run("--config", file).output == ""
    assert run().output == ""
    chosen, default = served
    assert (chosen.vosk_port, chosen.wyoming_port, chosen.compat_channel) == (2700, 10300, "desk")
    assert chosen.unstored_channels == ()
    assert (default.vosk_port, default.wyoming_port, default.unstored_channels) == (None, None, ("api",))
    assert default.wyoming_host == "127.0.0.1"
    done = run("--compat-channel", "no/slash")
    assert done.exit_code == 2
    assert "--compat-channel: 'no/slash' is not a valid channel name" in done.output
