"""Writes files whole or not at all, and creates folders for data."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file that others may read at any moment: they see the old content or the new one. Creates its folder.

    ``mode`` has the permissions of a new file, from which the system takes its mask. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    temporary.replace(path)


def create_private_folder(folder: Path) -> None:
    """Create a folder that only its owner can read, unless it exists. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def describe_unusable(folder: Path, error: OSError) -> str:
    """What to do about a data folder that cannot be created or written, in one sentence."""
    return (
        f"The folder {folder} cannot be used ({error.strerror or error}): choose a folder in which you may write, "
        "with --data-dir."
    )
