"""Starting with the computer, and the entry in the menu of applications: entries in the places of each system."""

from __future__ import annotations

import plistlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_config_path, user_data_path

from surtitle.core.files import replace_file

_NAME = "Surtitle"
_LABEL = "io.github.surtitle"
_RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"


def is_enabled() -> bool:
    """Whether the app starts when this user logs in."""
    if sys.platform == "win32":
        return _read_run_key() is not None
    return _entry().exists()


def enable(command: Sequence[str]) -> None:
    """Run ``command`` when this user logs in. Raises OSError."""
    if sys.platform == "win32":
        import winreg

        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, _RUN_KEY) as key:
            winreg.SetValueEx(key, _NAME, 0, winreg.REG_SZ, subprocess.list2cmdline(command))
    elif sys.platform == "darwin":
        agent = {"Label": _LABEL, "ProgramArguments": list(command), "RunAtLoad": True}
        replace_file(_entry(), plistlib.dumps(agent))
    else:
        replace_file(_entry(), format_desktop_entry(command).encode())


def disable() -> None:
    """Do not start when this user logs in. Raises OSError."""
    if sys.platform == "win32":
        import winreg

        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, _RUN_KEY) as key:
            if _read_run_key() is not None:
                winreg.DeleteValue(key, _NAME)
    else:
        _entry().unlink(missing_ok=True)


def add_to_menu(command: Sequence[str], icon: Path) -> None:
    """Add the app to the menu of applications, on Linux: elsewhere the installation does so. Raises OSError."""
    if sys.platform == "linux":
        replace_file(menu_entry(), format_desktop_entry(command, icon).encode())


def menu_entry() -> Path:
    """The file of the entry in the menu of applications."""
    return user_data_path() / "applications" / "surtitle.desktop"


def format_desktop_entry(command: Sequence[str], icon: Path | None = None) -> str:
    """A desktop entry (freedesktop.org) that runs a command."""
    lines = ["[Desktop Entry]", "Type=Application", f"Name={_NAME}", "Comment=Live captions"]
    lines += [f"Exec={' '.join(map(_quote, command))}", "Terminal=false", "Categories=AudioVideo;Accessibility;"]
    if icon is not None:
        lines.append(f"Icon={icon}")
    return "\n".join(lines) + "\n"


def _quote(argument: str) -> str:
    """An argument as the key Exec has it: within quotes, four characters have a backslash, which a string doubles."""
    for character in '\\"`$':
        argument = argument.replace(character, "\\" + character)
    return '"' + argument.replace("\\", "\\\\").replace("%", "%%") + '"'


def _entry() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "LaunchAgents" / f"{_LABEL}.plist"
    return user_config_path() / "autostart" / "surtitle.desktop"


if sys.platform == "win32":

    def _read_run_key() -> str | None:
        import winreg

        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, _RUN_KEY) as key:
                return str(winreg.QueryValueEx(key, _NAME)[0])
        except OSError:
            return None
