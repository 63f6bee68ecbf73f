"""The files in `deploy`, as far as they can be looked at without containers; nginx.conf is run by test_operations."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from surtitle.cli.main import main, serve
from tests.support import missing, need

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
INSTRUCTIONS = {
    "FROM",
    "COPY",
    "RUN",
    "USER",
    "ENV",
    "VOLUME",
    "EXPOSE",
    "STOPSIGNAL",
    "HEALTHCHECK",
    "ENTRYPOINT",
    "CMD",
}
VARIABLES = {f"SURTITLE_SERVE_{(option.name or '').upper()}" for option in serve.params} | {"SURTITLE_SERVE_SECRET"}


def instructions(file: Path) -> list[tuple[str, str]]:
    """A Dockerfile's instructions with what they say, continued lines joined."""
    text = re.sub(r"^#.*\n", "", file.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split()[0], " ".join(line.split()[1:])) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.cuda"])
def test_images(name: str) -> None:
    told = instructions(DEPLOY / name)
    words = [word for word, _ in told]
    assert set(words) <= INSTRUCTIONS
    assert words[0] == "FROM"
    assert ":" in told[0][1]
    assert not told[0][1].endswith(":latest")
    assert ("USER", "surtitle") in told
    assert words.index("USER") > max(at for at, word in enumerate(words) if word == "RUN")
    assert ("ENTRYPOINT", '["surtitle"]') in told
    assert ("STOPSIGNAL", "SIGTERM") in told
    environment = dict(pair.split("=", 1) for word, said in told if word == "ENV" for pair in said.split())
    assert {name for name in environment if name.startswith("SURTITLE")} <= VARIABLES
    assert "-c /src/requirements/run.txt" in " ".join(said for word, said in told if word == "RUN")


def test_what_images_are_built_from_is_what_they_need() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in kept:
        assert (ROOT / name).exists()
    project = (ROOT / "pyproject.toml").read_text()
    packages = re.search(r"^packages = \[(.*)\]", project, re.MULTILINE)
    assert packages is not None
    files = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "requirements")
    for name in (*re.findall(r'"(.*?)"', packages[1]), *files):
        assert any(fnmatch.fnmatch(name.partition("/")[0], one) for one in kept)


def test_compose() -> None:
    told: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    surtitle, nginx = told["services"]["surtitle"], told["services"]["nginx"]
    assert set(surtitle["environment"]) <= VARIABLES
    proxy = nginx["networks"]["inside"]["ipv4_address"]
    assert surtitle["environment"]["SURTITLE_SERVE_TRUST_PROXY"] == proxy
    assert "ports" not in surtitle  # nobody goes around nginx
    assert (DEPLOY / surtitle["build"]["dockerfile"].removeprefix("deploy/")).exists()
    assert (DEPLOY / surtitle["build"]["context"]).resolve() == ROOT
    volumes = {one.partition(":")[0] for one in surtitle["volumes"]}
    assert volumes == set(told["volumes"])
    assert "./nginx.conf:/etc/nginx/conf.d/default.conf:ro" in nginx["volumes"]
    assert re.search(r"server_name captions\.example;", (DEPLOY / "nginx.conf").read_text())
    assert surtitle["environment"]["SURTITLE_SERVE_PUBLIC_URL"] == "https://captions.example"


def test_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "surtitle.service").read_text()
    command = next(line for line in text.splitlines() if line.startswith("ExecStart=")).split()
    options = [word for word in command if word.startswith("--")]
    known = {name for option in serve.params for name in option.opts}
    assert set(options) <= known
    unit = tmp_path / "surtitle.service"
    unit.write_text(text.replace("/opt/surtitle/bin/surtitle", os.environ.get("SHELL", "/bin/sh")))
    done = subprocess.run(
        [need("systemd-analyze"), "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "Failed to initialize manager" in done.stderr or "System has not been booted" in done.stderr:
        missing("systemd-analyze cannot look at units here")
    ours = [line for line in done.stderr.splitlines() if "surtitle.service" in line]
    assert (done.returncode, ours) == (0, [])


def test_every_command_says_what_it_is_for() -> None:
    for name, command in main.commands.items():
        shown = CliRunner().invoke(main, [name, "--help"])
        assert shown.exit_code == 0
        assert command.help
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[0] in shown.output
