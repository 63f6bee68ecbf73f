"""The app replaces itself by a newer version: its real code in a program that Python runs, and a server of releases."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from scripts.check_program import release_server
from surtitle.desktop.location import archive_name
from tests.desktop.computer import TIMEOUT, Computer, ask, wait
from tests.support import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a shell script stands for the program")

NEWER = "99.1.0"
START = """#!/bin/sh
exec "{python}" "$(dirname "$0")/program.py" "$@"
"""
PROGRAM = """# What the packaged program has from PyInstaller, and a version.
import sys
import types

import surtitle

surtitle.__version__ = "{version}"
sys.frozen, sys.executable = True, __file__.replace("program.py", "surtitle")
sys.modules.setdefault("truststore", types.SimpleNamespace(inject_into_ssl=lambda: None))  # part of the program only

from surtitle.cli.packaged import main

main()
"""


def make_program(folder: Path, version: str) -> Path:
    """The folder of a program of this version, and in it the program, which is returned."""
    folder.mkdir(parents=True)
    program = folder / "surtitle"
    program.write_text(START.format(python=sys.executable))
    program.chmod(0o755)
    (folder / "program.py").write_text(PROGRAM.format(version=version))
    return program


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Path]:
    """A folder for programs, of which none runs at the end: a new version is no child of this process."""
    folder = tmp_path / "programs"
    yield folder
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(str(folder) in part for part in process.cmdline()):
                process.kill()


def test_the_program_replaces_itself(tmp_path: Path, programs: Path) -> None:
    computer, url = Computer(tmp_path), f"http://127.0.0.1:{free_port()}"
    program = make_program(programs / "Surtitle", "0.0.1")
    make_program(tmp_path / "newer" / "Surtitle", NEWER)
    archive = tmp_path / archive_name(NEWER)
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(tmp_path / "newer" / "Surtitle", "Surtitle")

    def version() -> Any:
        with suppress(OSError):
            return ask(f"{url}/healthz")["version"]
        return None

    def update_state() -> Any:
        return ask(f"{url}/api/program", "PATCH", {})["update"]["state"]

    with release_server() as releases:
        releases.publish(NEWER, archive)
        given = ["app", "--engine", "pocketsphinx", "--port", url.rpartition(":")[2]]
        process = computer.start(*given, program=program, SURTITLE_RELEASES_URL=f"{releases.url}/latest")
        wait(lambda: version() == "0.0.1")
        assert ask(f"{url}/api/program/check", "POST")
        wait(lambda: update_state() == "available")
        assert ask(f"{url}/api/program/fetch", "POST")
        wait(lambda: update_state() == "ready")
        assert ask(f"{url}/api/program/restart", "POST")
        wait(lambda: version() == NEWER)
        assert process.wait(TIMEOUT) == 0
    assert [path.name for path in programs.iterdir() if path.name.endswith("-previous")] == []
    assert computer.opened == [f"{url}/"]  # by the old version; the new one starts in the background
    assert computer.start(program=program).wait(TIMEOUT) == 0
    assert computer.opened == [f"{url}/"] * 2
    assert ask(f"{url}/api/program/quit", "POST")
    wait(lambda: version() is None)
