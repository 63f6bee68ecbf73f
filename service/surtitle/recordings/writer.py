"""One recording: a source's audio, written to one file in its own thread."""

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
from surtitle.core.clock import format_clock
from surtitle.core.errors import BadAudio
from surtitle.core.threads import start_thread
from surtitle.recordings.audio_file import AudioFile
from surtitle.recordings.repair import finalize, inspect

log = logging.getLogger("surtitle.recording")

_MAX_WAITING = 20.0  # seconds of audio that may wait for a slow disk
_SYNC_INTERVAL = 0.5  # seconds after which the file is flushed to the disk
_SILENCE_BLOCK = 10.0  # seconds of silence written at once
_TOLERANCE = 0.001  # seconds; smaller deviations from the clock are not corrected
_CLOSE_TIMEOUT = 10.0  # seconds that a slow disk has at the end


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """The format of the audio in a file; rate in Hz."""

    rate: int
    channels: int


class Recording:
    """Records frames from the event loop without blocking it; frames that a slow disk cannot take become silence.

    The file begins at ``start`` seconds of the source's clock. Needs the event loop.
    """

    def __init__(self, path: Path, audio_format: AudioFormat, start: float, tags: dict[str, str]) -> None:
        self.path = path
        self.audio_format = audio_format
        self.start = start
        self.lost = 0.0
        """Seconds that were left out because the disk was too slow."""
        self.bytes = 0
        """The size of the file."""
        self.written = 0.0
        """The playable seconds in the file, once recording has ended."""
        self.problem = ""
        """Why recording has stopped by itself, in one sentence."""
        self._tags = tags
        self._waiting: deque[tuple[int, Frames]] = deque()  # each with its offset in the file
        self._frames = 0  # the number of frames that wait
        self._until = 0  # the offset in the file at which the frames put so far end
        self._closing = False
        self._changed = threading.Condition()
        self._thread = start_thread(f"record {path.name}", self._run)

    @property
    def seconds(self) -> float:
        return self._until / self.audio_format.rate

    @property
    def ended(self) -> bool:
        return self._thread.done()

    def put(self, frames: Frames, at: float) -> None:
        """Record frames of shape (n, channels), the first of which is at ``at`` seconds of the source's clock."""
        offset = round((at - self.start) * self.audio_format.rate)
        if abs(offset - self._until) <= _TOLERANCE * self.audio_format.rate:
            offset = self._until
        if offset < self._until:  # a new connection overlaps with the end of the last one
            frames, offset = frames[self._until - offset :], self._until
        if not len(frames) or self.ended:
            return
        with self._changed:
            self._until = offset + len(frames)
            if self._frames > _MAX_WAITING * self.audio_format.rate:
                self.lost += len(frames) / self.audio_format.rate
                return
            self._waiting.append((offset, frames))
            self._frames += len(frames)
            self._changed.notify()

    async def wait(self) -> None:
        """Wait until recording has ended."""
        await asyncio.wait({self._thread})

    async def close(self) -> None:
        """Write the waiting frames and end, or give up after a while if the disk hangs."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        done, _ = await asyncio.wait({self._thread}, timeout=_CLOSE_TIMEOUT)
        if not done:
            log.error("%s: could not be finished in time, because the disk is too slow", self.path)

    def _run(self) -> None:
        file: AudioFile | None = None
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = AudioFile(self.path, self.audio_format.rate, self.audio_format.channels, self._tags)
            _sync_folders(self.path)
            self._write(file)
            file.close()
            self.written = file.frames / self.audio_format.rate
        except OSError as error:
            self.problem = _describe_problem(error, file.frames / self.audio_format.rate if file else 0.0)
            log.error("%s: %s", self.path, self.problem)
        except Exception:
            log.exception("%s: recording failed", self.path)
            self.problem = "Recording failed, while captions continue: see the service's log."
        finally:
            if file is not None:
                file.abandon()
            if self.problem:
                self.written = _rescue(self.path)
            with self._changed:
                self._waiting.clear()

    def _write(self, file: AudioFile) -> None:
        synced = time.monotonic()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._closing, timeout=_SYNC_INTERVAL)
                taken = list(self._waiting)
                self._waiting.clear()
                self._frames = 0
                ending = self._closing
            for offset, frames in taken:
                self._fill(file, offset)
                file.write(frames)
            self.bytes = file.bytes
            if ending:
                self._fill(file, self._until)
                return
            if time.monotonic() - synced >= _SYNC_INTERVAL:
                file.sync()
                synced = time.monotonic()

    def _fill(self, file: AudioFile, offset: int) -> None:
        """Write silence up to an offset (frames) in the file."""
        while (missing := offset - file.frames) > 0:
            count = min(missing, round(_SILENCE_BLOCK * self.audio_format.rate))
            file.write(np.zeros((count, self.audio_format.channels), dtype=np.float32))


def _sync_folders(path: Path) -> None:
    """Flush the folder entries of a new file to the disk. Windows does that by itself."""
    if os.name == "nt":
        return
    for folder in path.parents[:2]:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _rescue(path: Path) -> float:
    """Finalize a file that could not be written to its end, and return its playable seconds."""
    try:
        finalize(path)
        return inspect(path).seconds
    except BadAudio as error:
        log.warning("%s", error)
        return 0.0


def _describe_problem(error: OSError, seconds: float) -> str:
    since = format_clock(seconds)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full, so recording stopped at {since} (captions continue): free space, then start again."
    reason = error.strerror or error
    return (
        f"The disk failed ({reason}), so recording stopped at {since} (captions continue): fix it and start it again."
    )
