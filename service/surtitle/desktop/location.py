"""Where the packaged program is, and the names of its files."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_log_path

from surtitle.core.processes import is_packaged, module_command

LOG_FOLDER = user_log_path("surtitle", appauthor=False)
LOG_FILE = "surtitle.log"
_MACHINES = {"amd64": "x64", "x86_64": "x64", "arm64": "arm64", "aarch64": "arm64"}
_SYSTEMS = {"win32": "windows", "darwin": "macos"}


def system_tag() -> str:
    """The system and the processor, as the names of archives have them: "windows-x64"."""
    machine = platform.machine().lower()
    return f"{_SYSTEMS.get(sys.platform, sys.platform)}-{_MACHINES.get(machine, machine)}"


def archive_name(version: str) -> str:
    """The name of the archive with a version's program for this system."""
    return f"surtitle-{version}-{system_tag()}.tar.gz"


@dataclass(frozen=True, slots=True)
class Location:
    """The folder of a packaged program, which is the bundle on macOS, and its executable in that folder."""

    root: Path
    executable: Path

    @classmethod
    def find(cls) -> Location | None:
        """Where this process's program is; None if it is not a packaged one."""
        if not is_packaged():
            return None
        executable = Path(sys.executable).resolve()
        if sys.platform == "win32":  # a command was run by surtitle-cli.exe
            executable = executable.with_name("Surtitle.exe")
        return cls(executable.parents[2] if sys.platform == "darwin" else executable.parent, executable)

    def at(self, root: Path) -> Location:
        """The same program in another folder."""
        return Location(root, root / self.executable.relative_to(self.root))


def app_command(*arguments: str) -> list[str]:
    """The command that starts the app, or one of its commands, as this process was started."""
    location = Location.find()
    if location is not None:
        return [str(location.executable), *arguments]
    return module_command("surtitle", *(arguments or ("app",)))
