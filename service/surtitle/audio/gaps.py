"""Audio on the clock of its container.

Captions are shown by the timestamps of the container, not by how much audio came before. If the audio begins late, or
has a gap where packets were lost or a recording was paused, the gap counts as silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from surtitle.audio import Frames, Samples, to_mono

_TOLERANCE = 0.1  # seconds: timestamps are rounded and jitter, and clocks drift; as in FFmpeg's `aresample=async=1`
_START_TOLERANCE = 0.001  # seconds, for the beginning of the audio: Matroska counts in milliseconds
_MAX_OVERLAP = 0.5  # seconds; a larger step back begins another recording, which continues where this one ends
_SILENCE_BLOCK = 10.0  # seconds of silence in one block

TimedBlock = tuple[float | None, Frames, int]
"""Timestamp on the container's clock in seconds or None, frames, and their rate in Hz."""

PlacedBlock = tuple[float, Frames, int]
"""The seconds that are missing before the frames, the frames, and their rate in Hz."""


def find_gaps(
    blocks: Iterable[TimedBlock], start: float | None, max_gap: float, guess_gap: Callable[[], float] = lambda: 0.0
) -> Iterator[PlacedBlock]:
    """Blocks without overlaps, and the gaps between them, on a clock that begins at ``start`` seconds.

    Without ``start``, the clock begins with the first timestamp. Larger steps than ``max_gap`` seconds are taken for
    those to another clock: ``guess_gap`` then returns how many seconds are missing, by default none.
    """
    position = 0.0  # seconds since `start` at which the output ends
    tolerance = _START_TOLERANCE
    for time, frames, rate in blocks:
        if start is None:
            start = time
        ahead = 0.0 if time is None or start is None else time - start - position
        gap = 0.0
        if start is not None and (ahead < -_MAX_OVERLAP or ahead > max_gap):
            gap = round(guess_gap() * rate) / rate
            start += ahead - gap
        elif ahead > tolerance:
            gap = round(ahead * rate) / rate
        elif ahead < -_TOLERANCE:
            frames = frames[round(-ahead * rate) :]
        tolerance = _TOLERANCE
        position += gap + len(frames) / rate
        if len(frames):
            yield gap, frames, rate


def fill_gaps(blocks: Iterable[PlacedBlock]) -> Iterator[tuple[Samples, int]]:
    """The blocks mixed to one channel, with silence in the gaps: samples and their rate in Hz."""
    for gap, frames, rate in blocks:
        for silence in make_silence(round(gap * rate), rate):
            yield silence, rate
        yield to_mono(frames), rate


def make_silence(length: int, rate: int) -> Iterator[Samples]:
    """``length`` samples of silence at ``rate`` Hz, in blocks of a limited size."""
    block = round(_SILENCE_BLOCK * rate)
    for begin in range(0, length, block):
        yield np.zeros(min(block, length - begin), dtype=np.float32)
