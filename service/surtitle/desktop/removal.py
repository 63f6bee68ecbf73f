"""Removes the program from this computer: its folder and its entries, and its data if that is wanted."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from surtitle.desktop import autostart
from surtitle.desktop.location import LOG_FOLDER, Location
from surtitle.desktop.replacement import staging_folder


def remove_program(location: Location | None, *, folder: bool) -> Iterator[Path]:
    """Remove the entries and, with ``folder``, the program's folder; yields what was removed. Raises OSError."""
    if autostart.is_enabled():
        autostart.disable()
    autostart.menu_entry().unlink(missing_ok=True)
    if location is None or not folder:
        return
    for path in (staging_folder(location.root), location.root):
        if path.exists():
            shutil.rmtree(path)
            yield path


def remove_data(data_dir: Path) -> Iterator[Path]:
    """Remove settings, transcripts, recordings and logs; yields what was removed. Raises OSError."""
    for path in (data_dir, LOG_FOLDER):
        if path.exists():
            shutil.rmtree(path)
            yield path


def removes_its_folder() -> bool:
    """Whether a program can remove the folder that it runs from: not on Windows, where an uninstaller does it."""
    return sys.platform != "win32"
