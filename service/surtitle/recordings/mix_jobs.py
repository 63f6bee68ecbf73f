"""Mixes that somebody waits for: each is made once, in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from surtitle.core.threads import start_thread
from surtitle.recordings.files import RecordingFile
from surtitle.recordings.mix import mix, place_of


@dataclass(slots=True)
class _Making:
    thread: asyncio.Future[Path]
    done: float = 0.0
    wanted: bool = True


class Mixer:
    """Owns the threads that mix. Needs the event loop."""

    def __init__(self) -> None:
        self._making: dict[Path, _Making] = {}

    def done(self, recordings: Sequence[RecordingFile]) -> float:
        """The share of the mix that is there, 0 to 1."""
        place = place_of(recordings)
        making = self._making.get(place)
        return making.done if making is not None else float(place.is_file())

    async def get(self, recordings: Sequence[RecordingFile]) -> Path:
        """The file with all recordings; waits until it is made. Raises `BadAudio`, `OSError`."""
        place = place_of(recordings)
        if place not in self._making and place.is_file():
            return place
        making = self._making.get(place) or self._start(place, recordings)
        await asyncio.wait({making.thread})
        return making.thread.result()

    def begin(self, recordings: Sequence[RecordingFile]) -> None:
        """Have it made, without waiting."""
        place = place_of(recordings)
        if place not in self._making and not place.is_file():
            self._start(place, recordings)

    async def drop(self, folder: Path) -> None:
        """Make nothing more for a session's folder, which is about to be deleted."""
        making = [one for place, one in self._making.items() if place.parent == folder]
        for one in making:
            one.wanted = False
        if making:
            await asyncio.wait({one.thread for one in making}, timeout=10.0)

    async def close(self) -> None:
        for one in self._making.values():
            one.wanted = False
        threads = {one.thread for one in self._making.values()}
        if threads:
            await asyncio.wait(threads, timeout=2.0)

    def _start(self, place: Path, recordings: Sequence[RecordingFile]) -> _Making:
        def note(share: float) -> None:
            making.done = min(share, 0.99)  # all of it is there when the file has its name

        def work() -> Path:
            return mix(recordings, lambda: making.wanted, note)

        making = _Making(asyncio.get_running_loop().create_future())
        making.thread = start_thread(f"mix {place.parent.name}", work)
        self._making[place] = making
        making.thread.add_done_callback(lambda _: self._making.pop(place, None))
        return making
