"""The newest captions in a text file, which programs such as OBS and vMix read again and again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from surtitle.outputs.state import TargetError

FOLDER = "outputs"
"""In the data folder."""


class TextFileTarget:
    """Replaces a file in ``folder`` as a whole, so that no program reads half of a text."""

    interval = 0.5

    def __init__(self, folder: Path | None, channel: str, file: str) -> None:
        self.name = file
        self._path = None if folder is None else folder / channel / file
        self._text: str | None = None  # what the file has

    async def check(self) -> None:
        """Create the folder, and the file again if it has been removed."""
        await self._write(self._text, only_if_missing=True)

    async def show(self, text: str) -> None:
        await self._write(text)
        self._text = text

    async def close(self) -> None:
        """There is nothing to release."""

    async def _write(self, text: str | None, *, only_if_missing: bool = False) -> None:
        """Write the text; for None only create the folder. Raises `TargetError`."""
        if self._path is None:
            raise TargetError("There is no folder for text files: start the service with --outputs-dir or --data-dir.")
        try:
            await asyncio.to_thread(_write, self._path, text, only_if_missing)
        except OSError as error:
            raise TargetError(f"Cannot write {self.name} ({error.strerror}): check the folder and the disk.") from error


def _write(path: Path, text: str | None, only_if_missing: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if text is None or (only_if_missing and path.exists()):
        return
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text + "\n" if text else "", encoding="utf-8")
    temporary.replace(path)
