"""Where the service that uses a data folder can be reached, in a file there for programs that are started later."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

from surtitle.core.files import replace_file

FILE = "service-running.json"


class Announcement(msgspec.Struct, frozen=True):
    """The address of the running service's dashboard on this computer, and its version."""

    url: str
    version: str


def announce(folder: Path, announcement: Announcement) -> None:
    """Say that the service which uses the folder answers now. Raises OSError."""
    replace_file(folder / FILE, msgspec.json.encode(announcement))


def withdraw(folder: Path) -> None:
    """Remove the announcement, if there is one."""
    with suppress(OSError):  # Windows, while somebody reads it: the next service replaces it
        (folder / FILE).unlink(missing_ok=True)


def find_announcement(folder: Path) -> Announcement | None:
    """The announcement, or None while no service answers.

    What a service that was killed has left is only removed when the next one locks the folder, so ask for it only
    where the folder is locked.
    """
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Announcement)
    except (OSError, msgspec.DecodeError):
        return None
