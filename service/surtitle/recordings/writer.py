"""One recording: a source's audio, written to one file by a thread of its own."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from surtitle.audio import Frames
from surtitle.core.errors import BadAudio
from surtitle.core.threads import start_thread
from surtitle.recordings.audio_file import AudioFile
from surtitle.recordings.repair import close_off, inspect

log = logging.getLogger("surtitle.recording")

_WAITING = 20.0  # seconds of audio that may wait for a slow disk
_SYNC = 0.5  # seconds between two times at which all is on the disk
_FILL = 10.0  # seconds of silence written at once
_JITTER = 0.001  # seconds by which a place may be off before it is put right
_CLOSE = 10.0  # seconds that a slow disk has at the end


@dataclass(frozen=True, slots=True)
class Format:
    """What is in a file; rate in Hz."""

    rate: int
    channels: int


class Recording:
    """`put` is for the event loop and never waits; what comes too fast for the disk is left out, as silence.

    The time in the file is that of the source's clock, ``began`` (seconds) later. Needs the event loop.
    """

    def __init__(self, path: Path, form: Format, began: float, tags: dict[str, str]) -> None:
        self.path = path
        self.form = form
        self.began = began
        self.lost = 0.0
        """Seconds that were left out because the disk was too slow."""
        self.bytes = 0
        """On the disk."""
        self.written = 0.0
        """Seconds that are on the disk, once it has ended."""
        self.problem = ""
        """Why it has stopped by itself, in one sentence."""
        self._tags = tags
        self._waiting: deque[tuple[int, Frames]] = deque()  # with the place in the file where they belong
        self._frames = 0  # that wait
        self._until = 0  # the place in the file up to which something was put
        self._closing = False
        self._changed = threading.Condition()
        self._thread = start_thread(f"record {path.name}", self._run)

    @property
    def seconds(self) -> float:
        return self._until / self.form.rate

    @property
    def ended(self) -> bool:
        return self._thread.done()

    def put(self, frames: Frames, at: float) -> None:
        """More audio, whose first frame is at ``at`` seconds of the source's clock."""
        place = round((at - self.began) * self.form.rate)
        if abs(place - self._until) <= _JITTER * self.form.rate:
            place = self._until
        if place < self._until:  # a new connection begins a moment before where the last one ended
            frames, place = frames[self._until - place :], self._until
        if not len(frames) or self.ended:
            return
        with self._changed:
            self._until = place + len(frames)
            if self._frames > _WAITING * self.form.rate:
                self.lost += len(frames) / self.form.rate
                return
            self._waiting.append((place, frames))
            self._frames += len(frames)
            self._changed.notify()

    async def over(self) -> None:
        """Wait until it has ended."""
        await asyncio.wait({self._thread})

    async def close(self) -> None:
        """Write what waits, and end. A disk that hangs is left behind after a while."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        done, _ = await asyncio.wait({self._thread}, timeout=_CLOSE)
        if not done:
            log.error("%s: the disk did not take the end of it in time", self.path)

    def _run(self) -> None:
        file: AudioFile | None = None
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = AudioFile(self.path, self.form.rate, self.form.channels, self._tags)
            _sync_folders(self.path)
            self._write(file)
            file.close()
            self.written = file.frames / self.form.rate
        except OSError as error:
            self.problem = _problem(error, file.frames / self.form.rate if file else 0.0)
            log.error("%s: %s", self.path, self.problem)
        except Exception:
            log.exception("%s: recording failed", self.path)
            self.problem = "Recording failed, and the log says why. Captions go on."
        finally:
            if file is not None:
                file.abandon()
            if self.problem:
                self.written = _rest(self.path)
            with self._changed:
                self._waiting.clear()

    def _write(self, file: AudioFile) -> None:
        synced = time.monotonic()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._closing, timeout=_SYNC)
                taken = list(self._waiting)
                self._waiting.clear()
                self._frames = 0
                ending = self._closing
            for place, frames in taken:
                self._fill(file, place)
                file.write(frames)
            self.bytes = file.bytes
            if ending:
                self._fill(file, self._until)
                return
            if time.monotonic() - synced >= _SYNC:
                file.sync()
                synced = time.monotonic()

    def _fill(self, file: AudioFile, place: int) -> None:
        """Silence up to a place in the file."""
        while (missing := place - file.frames) > 0:
            count = min(missing, round(_FILL * self.form.rate))
            file.write(np.zeros((count, self.form.channels), dtype=np.float32))


def _sync_folders(path: Path) -> None:
    """That there is such a file is on the disk, too. Windows sees to that by itself."""
    if os.name == "nt":
        return
    for folder in path.parents[:2]:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _rest(path: Path) -> float:
    """Seconds that can be heard of a file that could not be written to its end."""
    try:
        close_off(path)
        return inspect(path).seconds
    except BadAudio as error:
        log.warning("%s", error)
        return 0.0


def _problem(error: OSError, seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    since = f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full, so recording stopped at {since}: make room, then start it again. Captions go on."
    return f"The disk failed ({error.strerror or error}): recording stopped at {since}. Mend that, then start it again."
