"""`deploy/cluster/update.sh` updates services one after the other. A script of these tests answers as docker."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import need

SCRIPT = Path(__file__).parents[2] / "deploy" / "cluster" / "update.sh"
SERVICES = ["surtitle-1", "surtitle-2", "surtitle-3"]
DOCKER = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
    "compose config --services") printf 'redis\\nsurtitle-2\\nsurtitle-3\\nsurtitle-1\\nnginx\\n' ;;
    "compose ps --quiet "*) echo "container-of-$4" ;;
    "compose up --detach --no-deps $FAILING") touch "$CALLS.failed" ;;
    *"{{.State.Health.Status}} container-of-$FAILING")
        if [ "$WHEN" = before ] || [ -e "$CALLS.failed" ]; then echo unhealthy; else echo healthy; fi ;;
    inspect*) echo healthy ;;
esac
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the script is for a Unix shell")


def update(
    folder: Path, failing: str = "none", when: str = "after"
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the script with a docker that records its calls. Returns the services that were updated, too."""
    docker, calls = folder / "docker", folder / "calls"
    docker.write_text(DOCKER, encoding="utf-8")
    docker.chmod(0o755)
    more = {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(calls), "FAILING": failing, "WHEN": when}
    done = subprocess.run(
        [need("sh"), str(SCRIPT)],
        env={**os.environ, **more, "PATIENCE": "1", "SETTLE": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = calls.read_text(encoding="utf-8").splitlines()
    return done, [line.rpartition(" ")[2] for line in lines if line.startswith("compose up")]


def test_services_are_updated_one_after_the_other(tmp_path: Path) -> None:
    done, updated = update(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert updated == SERVICES
    lines = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    for service in SERVICES:  # each is ready before the next one is stopped
        at = lines.index(f"compose up --detach --no-deps {service}")
        assert lines[at + 1 : at + 3] == [
            f"compose ps --quiet {service}",
            "inspect --format {{.State.Health.Status}} container-of-" + service,
        ]


def test_nothing_is_updated_while_a_service_is_not_ready(tmp_path: Path) -> None:
    done, updated = update(tmp_path, "surtitle-2", "before")
    assert (done.returncode, updated) == (1, [])
    assert "surtitle-2 is not ready, so nothing was updated" in done.stderr


def test_an_update_that_fails_stops(tmp_path: Path) -> None:
    done, updated = update(tmp_path, "surtitle-2")
    assert (done.returncode, updated) == (1, ["surtitle-1", "surtitle-2"])
    assert "surtitle-2 does not become ready" in done.stderr
