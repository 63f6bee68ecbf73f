"""Starting with the computer."""

from __future__ import annotations

import plistlib
import subprocess
import sys
from pathlib import Path

import pytest

from surtitle.desktop import autostart

COMMAND = ["/opt/My programs/surtitle", "app", "--background"]


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return tmp_path


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_it_can_be_switched_on_and_off(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert not autostart.is_enabled()
    autostart.disable()
    autostart.enable(["/old/surtitle"])
    autostart.enable(COMMAND)
    assert autostart.is_enabled()
    autostart.disable()
    assert not autostart.is_enabled()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_the_entry_on_linux_runs_the_command(folders: Path) -> None:
    autostart.enable(COMMAND)
    entry = (folders / "config" / "autostart" / "surtitle.desktop").read_text()
    assert 'Exec="/opt/My programs/surtitle" "app" "--background"' in entry.splitlines()


def test_the_agent_on_macos_runs_the_command(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    autostart.enable(COMMAND)
    agent = plistlib.loads((folders / "Library" / "LaunchAgents" / "io.github.surtitle.plist").read_bytes())
    assert agent == {"Label": "io.github.surtitle", "ProgramArguments": COMMAND, "RunAtLoad": True}


if sys.platform == "win32":

    def test_the_registry_has_the_command() -> None:
        before = autostart.is_enabled()
        autostart.enable(COMMAND)
        try:
            assert autostart.is_enabled()
        finally:
            if not before:
                autostart.disable()
        assert autostart.is_enabled() == before


def test_windows_gets_one_quoted_line() -> None:
    assert subprocess.list2cmdline(COMMAND) == '"/opt/My programs/surtitle" app --background'


@pytest.mark.parametrize(
    ("argument", "quoted"),
    [("plain", '"plain"'), ("a b", '"a b"'), ("100%", '"100%%"'), ('a"b', r'"a\\"b"'), ("$HOME", r'"\\$HOME"')],
)
def test_arguments_in_a_desktop_entry(argument: str, quoted: str) -> None:
    assert f"Exec={quoted}" in autostart.format_desktop_entry([argument]).splitlines()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_the_menu_has_an_entry_with_an_icon(folders: Path) -> None:
    autostart.add_to_menu(COMMAND, Path("/opt/icon.png"))
    lines = autostart.menu_entry().read_text().splitlines()
    assert "Icon=/opt/icon.png" in lines
    assert autostart.menu_entry().is_relative_to(folders)
