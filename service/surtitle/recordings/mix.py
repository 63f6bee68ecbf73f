"""All recordings of a session as one file, each at its place. Blocks: for threads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import soxr

from surtitle.audio import Frames
from surtitle.audio.container import decode_frames
from surtitle.core.errors import BadAudio
from surtitle.recordings.audio_file import AudioFile
from surtitle.recordings.files import RecordingFile
from surtitle.recordings.repair import inspect

_STEP = 5.0  # seconds that are mixed at once
_MOST = 48_000  # Hz: nobody hears more


def start_of(recordings: Sequence[RecordingFile]) -> float:
    """Where the mix begins on the channel's clock."""
    return min(recording.clock for recording in recordings)


def end_of(recordings: Sequence[RecordingFile]) -> float:
    """Where it ends there."""
    return max(recording.end for recording in recordings)


def place_of(recordings: Sequence[RecordingFile]) -> Path:
    """The file of the mix, which may not be there yet: that of the only recording, or one beside them."""
    first = recordings[0].path
    if len(recordings) == 1:
        return first
    what = "\n".join(f"{one.path.name} {one.clock} {one.bytes}" for one in recordings)
    return first.with_name(f"mix-{hashlib.sha256(what.encode()).hexdigest()[:16]}{first.suffix}")


def mix(recordings: Sequence[RecordingFile], wanted: Callable[[], bool], progress: Callable[[float], None]) -> Path:
    """Make the mix, unless it is there; mixes of fewer recordings are deleted.

    ``wanted`` is asked whether to go on; ``progress`` is told the share that is done. Raises `BadAudio`, `OSError`.
    """
    place = place_of(recordings)
    if place.is_file():
        return place
    start, length = start_of(recordings), end_of(recordings) - start_of(recordings)
    known = [inspect(one.path) for one in recordings]
    rate, channels = min(_MOST, max(one.rate for one in known)), max(one.channels for one in known)
    tracks = [_Track(one, round((one.clock - start) * rate), rate, channels) for one in recordings]
    part = place.with_name(f"part-{os.getpid()}-{place.name}")
    part.unlink(missing_ok=True)
    file = AudioFile(part, rate, channels, {"title": recordings[0].path.parent.name})
    try:
        total, step = round(length * rate), round(_STEP * rate)
        for at in range(0, total, step):
            if not wanted():
                raise BadAudio("This session is being deleted: there is nothing to hear any more.")
            size = min(step, total - at)
            file.write(np.sum([track.take(size) for track in tracks], axis=0, dtype=np.float32))
            progress((at + size) / total)
        file.close()
        for old in place.parent.glob("mix-*"):
            with suppress(OSError):  # somebody hears it, and Windows keeps it then
                old.unlink()
        part.replace(place)
    finally:
        file.abandon()
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return place


class _Track:
    """One recording as the mix needs it: silence, then its sound, then silence."""

    def __init__(self, recording: RecordingFile, silence: int, rate: int, channels: int) -> None:
        self._blocks = decode_frames(str(recording.path))
        self._rate, self._channels = rate, channels
        self._silence = silence
        self._left = round((recording.end - recording.clock) * rate)
        self._resampler: soxr.ResampleStream | None = None
        self._ready = np.zeros((0, channels), dtype=np.float32)
        self._over = False

    def take(self, size: int) -> Frames:
        """The next ``size`` frames."""
        taken = np.zeros((size, self._channels), dtype=np.float32)
        at = min(size, self._silence)
        self._silence -= at
        while at < size and self._left and (len(self._ready) or not self._over):
            if not len(self._ready):
                self._ready = self._next()
            part = self._ready[: min(size - at, self._left)]
            taken[at : at + len(part)] = part
            self._left -= len(part)
            self._ready = self._ready[len(part) :]
            at += len(part)
        return taken

    def _next(self) -> Frames:
        block = next(self._blocks, None)
        if block is None:
            self._over = True
            frames = np.zeros((0, self._channels), dtype=np.float32)
            return self._resample(frames, last=True) if self._resampler is not None else frames
        frames, rate = block
        if rate != self._rate and self._resampler is None:
            self._resampler = soxr.ResampleStream(rate, self._rate, self._channels, dtype="float32", quality="HQ")
        if frames.shape[1] < self._channels:
            frames = np.repeat(frames, self._channels, axis=1)
        return frames if self._resampler is None else self._resample(frames, last=False)

    def _resample(self, frames: Frames, *, last: bool) -> Frames:
        assert self._resampler is not None
        return np.asarray(self._resampler.resample_chunk(frames, last=last)).reshape(-1, self._channels)
