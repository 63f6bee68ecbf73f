"""A program's folder is replaced, and the old one is restored if the new one does not start."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from surtitle.core.announcement import Announcement, announce
from surtitle.desktop.location import Location
from surtitle.desktop.replacement import replace_program, staging_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shell scripts stand for the program")

NEW = "9.0.0"
RUNS = """#!/bin/sh
echo "{version} $*" >> "{data}/started"
echo '{{"url": "http://127.0.0.1:1", "version": "{version}"}}' > "{data}/service-running.json"
"""
FAILS = """#!/bin/sh
echo "{version} $*" >> "{data}/started"
echo changed > "{data}/surtitle.db"
exit 1
"""


def make_program(root: Path, script: str, version: str, data: Path) -> Location:
    root.mkdir(parents=True)
    executable = root / "surtitle"
    executable.write_text(script.format(version=version, data=data))
    executable.chmod(0o755)
    return Location(root, executable)


def starts(data: Path, count: int) -> list[str]:
    """The versions that were started with their arguments, once there are so many."""
    deadline = time.monotonic() + 60
    while True:
        lines = (data / "started").read_text().splitlines() if (data / "started").exists() else []
        if len(lines) >= count:
            return lines
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "surtitle.db").write_text("of the old version\n")
    return folder


def test_the_new_program_takes_the_place_of_the_old_one(tmp_path: Path, data: Path) -> None:
    announce(data, Announcement("http://127.0.0.1:1", "0.1.0"))  # the old one was killed
    old = make_program(tmp_path / "Surtitle", RUNS, "0.1.0", data)
    new = make_program(staging_folder(old.root) / "Surtitle", RUNS, NEW, data)
    assert replace_program(old, new, data, NEW, ["--port", "8123"])
    assert starts(data, 1) == [f"{NEW} app --port 8123"]
    assert NEW in old.executable.read_text()
    assert not (tmp_path / ".Surtitle-previous").exists()
    assert sorted(path.name for path in data.glob("*.before-update")) == []


def test_the_old_program_is_restored_with_its_database(tmp_path: Path, data: Path) -> None:
    old = make_program(tmp_path / "Surtitle", RUNS, "0.1.0", data)
    new = make_program(staging_folder(old.root) / "Surtitle", FAILS, NEW, data)
    assert not replace_program(old, new, data, NEW, [])
    assert starts(data, 2) == [f"{NEW} app", f"0.1.0 app --update-failed {NEW}"]
    assert "0.1.0" in old.executable.read_text()
    assert (data / "surtitle.db").read_text() == "of the old version\n"


def test_a_new_program_that_cannot_be_executed(tmp_path: Path, data: Path) -> None:
    old = make_program(tmp_path / "Surtitle", RUNS, "0.1.0", data)
    new = make_program(staging_folder(old.root) / "Surtitle", RUNS, NEW, data)
    new.executable.chmod(0o644)
    assert not replace_program(old, new, data, NEW, [])
    assert starts(data, 1) == [f"0.1.0 app --update-failed {NEW}"]


def test_a_new_program_that_hangs(tmp_path: Path, data: Path) -> None:
    old = make_program(tmp_path / "Surtitle", RUNS, "0.1.0", data)
    new = make_program(staging_folder(old.root) / "Surtitle", "#!/bin/sh\nexec sleep 600\n", NEW, data)
    assert not replace_program(old, new, data, NEW, [], timeout=0.2)
    assert starts(data, 1) == [f"0.1.0 app --update-failed {NEW}"]


def test_a_program_that_does_not_fit_on_the_disk_is_left_alone(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    old = make_program(tmp_path / "Surtitle", RUNS, "0.1.0", data)
    new = make_program(staging_folder(old.root) / "Surtitle", RUNS, NEW, data)
    monkeypatch.setattr("shutil.copytree", fail)
    assert not replace_program(old, new, data, NEW, [])
    assert starts(data, 1) == [f"0.1.0 app --update-failed {NEW}"]
