"""Mixes all recordings of a session into one file. Blocks: use it in threads."""

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

_BLOCK = 5.0  # seconds that are mixed at once
_MAX_RATE = 48_000  # Hz: higher frequencies are inaudible


def mix_start(recordings: Sequence[RecordingFile]) -> float:
    """The beginning of the mix on the channel's clock, in seconds."""
    return min(recording.clock for recording in recordings)


def mix_end(recordings: Sequence[RecordingFile]) -> float:
    """The end of the mix on the channel's clock, in seconds."""
    return max(recording.end for recording in recordings)


def mix_path(recordings: Sequence[RecordingFile]) -> Path:
    """The path of the mix, which may not exist yet: the only recording, or a file in the same folder."""
    first = recordings[0].path
    if len(recordings) == 1:
        return first
    content = "\n".join(f"{one.path.name} {one.clock} {one.bytes}" for one in recordings)
    return first.with_name(f"mix-{hashlib.sha256(content.encode()).hexdigest()[:16]}{first.suffix}")


def make_mix(
    recordings: Sequence[RecordingFile], is_wanted: Callable[[], bool], progress: Callable[[float], None]
) -> Path:
    """Make the mix unless it exists, delete mixes of fewer recordings, and return its path.

    It stops as soon as ``is_wanted`` returns False; ``progress`` receives the completed share, 0 to 1. Raises
    `BadAudio`, `OSError`.
    """
    path = mix_path(recordings)
    if path.is_file():
        return path
    start, length = mix_start(recordings), mix_end(recordings) - mix_start(recordings)
    known = [inspect(one.path) for one in recordings]
    rate, channels = min(_MAX_RATE, max(one.rate for one in known)), max(one.channels for one in known)
    tracks = [_Track(one, round((one.clock - start) * rate), rate, channels) for one in recordings]
    part = path.with_name(f"part-{os.getpid()}-{path.name}")
    part.unlink(missing_ok=True)
    file = AudioFile(part, rate, channels, {"title": recordings[0].path.parent.name})
    try:
        total, step = round(length * rate), round(_BLOCK * rate)
        for at in range(0, total, step):
            if not is_wanted():
                raise BadAudio("This session is being deleted, so its audio is not available: choose another session.")
            size = min(step, total - at)
            file.write(np.sum([track.read(size) for track in tracks], axis=0, dtype=np.float32))
            progress((at + size) / total)
        file.close()
        for old in path.parent.glob("mix-*"):
            with suppress(OSError):  # on Windows, a file that is being played cannot be deleted
                old.unlink()
        part.replace(path)
    finally:
        file.abandon()
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return path


class _Track:
    """One recording as a track of the mix: silence, then its audio, then silence."""

    def __init__(self, recording: RecordingFile, silence: int, rate: int, channels: int) -> None:
        self._blocks = decode_frames(str(recording.path))
        self._rate, self._channels = rate, channels
        self._silence = silence
        self._remaining = round((recording.end - recording.clock) * rate)
        self._resampler: soxr.ResampleStream | None = None
        self._ready = np.zeros((0, channels), dtype=np.float32)
        self._at_end = False

    def read(self, size: int) -> Frames:
        """The next ``size`` frames, shape (size, channels)."""
        frames = np.zeros((size, self._channels), dtype=np.float32)
        at = min(size, self._silence)
        self._silence -= at
        while at < size and self._remaining and (len(self._ready) or not self._at_end):
            if not len(self._ready):
                self._ready = self._read_block()
            part = self._ready[: min(size - at, self._remaining)]
            frames[at : at + len(part)] = part
            self._remaining -= len(part)
            self._ready = self._ready[len(part) :]
            at += len(part)
        return frames

    def _read_block(self) -> Frames:
        block = next(self._blocks, None)
        if block is None:
            self._at_end = True
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
