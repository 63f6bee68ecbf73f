"""How far outputs have come, so that they continue there after a restart of the service: in a small file, or shared."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from surtitle.core.errors import SurtitleError
from surtitle.core.files import replace_file

log = logging.getLogger("surtitle.outputs")

FILE = "outputs.json"
"""In the data folder."""


class Progress(Struct, frozen=True):
    """How far one output has come.

    ``sequence`` is the number of the next text for the target whose address has the hash ``target``. ``cursor`` is the
    resume id of the track's newest event up to which everything is handled. ``recent`` has the revisions of captions
    that are handled although they come after it, or may come again.
    """

    target: str = ""
    sequence: int = 0
    cursor: str = ""
    recent: dict[str, int] = {}


class ProgressLost(SurtitleError):
    """Another service has the channel now, and its outputs."""

    code = "moved"


class ProgressStore(Protocol):
    """The progress of all outputs.

    Services that share it send the captions of a channel one after the other, never at the same time. Methods
    raise `ProgressLost` if another service has the channel, and other `SurtitleError`s if nothing is known.
    """

    async def claim(self, channel: str, output: str) -> Progress:
        """The progress of an output, which only this service changes from now on; the default if it has none."""

    async def check(self, channel: str, output: str) -> None:
        """Check that this service may still send captions."""

    async def put(self, channel: str, output: str, progress: Progress) -> None:
        """Store the progress of an output; returns when that is done, or when it has failed."""

    async def release(self, channel: str, output: str) -> None:
        """Let another service claim the progress without waiting, because nothing is being sent."""

    async def pause(self, channel: str, output: str) -> None:
        """Keep only the number of the next text: an output that was switched off begins with the next caption."""

    async def forget(self, channel: str, output: str) -> None:
        """Remove the progress of an output that was removed."""


class ProgressFile:
    """A `ProgressStore` of one service, in its data folder; without one, in memory only.

    A file that cannot be written is logged.
    """

    def __init__(self, data_dir: Path | None) -> None:
        self._path = data_dir / FILE if data_dir else None
        self._entries: dict[str, Progress] = {}
        self._writing = asyncio.Lock()
        self._changes = self._written = 0
        self._failing = False
        if self._path is not None:
            try:
                self._entries = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Progress])
            except FileNotFoundError:
                pass
            except (OSError, msgspec.DecodeError) as error:
                log.warning("cannot read %s (%s): outputs begin with the next caption", self._path, error)

    def get(self, channel: str, output: str) -> Progress:
        """The progress of a channel's output; the default if it has none yet."""
        return self._entries.get(f"{channel}/{output}", Progress())

    async def claim(self, channel: str, output: str) -> Progress:
        return self.get(channel, output)

    async def check(self, channel: str, output: str) -> None:
        """Nothing: no other service has this file."""

    async def release(self, channel: str, output: str) -> None:
        """Nothing."""

    async def put(self, channel: str, output: str, progress: Progress) -> None:
        """Returns when it is on the disk."""
        if self._entries.get(f"{channel}/{output}") != progress:
            self._entries[f"{channel}/{output}"] = progress
            await self._save()

    async def pause(self, channel: str, output: str) -> None:
        progress = self.get(channel, output)
        await self.put(channel, output, Progress(progress.target, progress.sequence))

    async def forget(self, channel: str, output: str) -> None:
        if self._entries.pop(f"{channel}/{output}", None) is not None:
            await self._save()

    async def _save(self) -> None:
        """Write all changes; those of several outputs at the same time are written at once."""
        self._changes += 1
        wanted = self._changes
        async with self._writing:
            if self._path is None or self._written >= wanted:
                return
            count, data = self._changes, msgspec.json.encode(self._entries)
            try:
                await asyncio.to_thread(replace_file, self._path, data, 0o600)
            except OSError as error:
                if not self._failing:
                    log.error("cannot write %s (%s): captions may be sent twice after a restart", self._path, error)
                self._failing = True
                return
            self._written, self._failing = count, False


def hash_target(address: str) -> str:
    """A hash by which the progress of an address is known again: the address itself is a secret."""
    return hashlib.sha256(address.encode()).hexdigest()[:24]
