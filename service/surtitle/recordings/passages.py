"""Recorded speech in passages for a recognizer that is not in a hurry: long silences left out, times kept. Pure.

A passage is as long as fits into memory and work well, and is cut where nobody speaks. All audio goes by once, so a
file of hours needs the memory of one passage.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.audio.intake import join_blocks
from surtitle.speech.vad import CHUNK, Vad

_ON, _OFF = 0.5, 0.35  # probabilities at which a voice begins and ends; those of Silero's own iterator
_PAUSE = 8  # chunks (0.26 s) below `_OFF` that end a voice
_SHORTEST = 3  # chunks (0.1 s) of voice that may be a word; less is a click
_LONGEST = 937  # chunks (30 s) of voice after which a piece ends in any case
_RESET = 125  # chunks (4 s) without voice after which the detector starts afresh: its state drifts and goes deaf
_SILENCE = 3 * RATE  # samples of silence that are left out between two voices; shorter ones tell sentences apart
_PADDING = round(0.5 * RATE)  # samples of what was left out that stay before and after a voice
_EARLY, _LATE = 0.1, 0.3  # seconds by which a word may begin before a voice and end after it
_BLOCK = 10 * RATE  # samples that are looked at in one go


@dataclass(frozen=True, slots=True)
class Piece:
    """Contiguous audio around one voice. ``start`` is its first sample on the recording's clock.

    ``voice`` is where the voice begins and ends in ``samples``, ``gap`` the silence before it, all in samples.
    """

    start: int
    samples: Samples
    voice: tuple[int, int]
    gap: int


class Passage:
    """Pieces, one after the other."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = tuple(pieces)
        self.samples: Samples = np.concatenate([piece.samples for piece in pieces])
        self._starts = [piece.start for piece in pieces]
        self._lengths = [len(piece.samples) for piece in pieces]
        self._begins = [0, *accumulate(self._lengths[:-1])]
        self._voices = [
            ((begin + piece.voice[0]) / RATE, (begin + piece.voice[1]) / RATE)
            for begin, piece in zip(self._begins, pieces, strict=True)
        ]
        self.end = (pieces[-1].start + len(pieces[-1].samples)) / RATE
        """Seconds on the recording's clock."""

    def parts(self, length: float) -> list[Passage]:
        """The same in parts of at most about ``length`` seconds."""
        groups: list[list[Piece]] = [[]]
        size = 0
        for piece in self.pieces:
            size += len(piece.samples)
            if groups[-1] and size > length * RATE:
                groups.append([])
                size = len(piece.samples)
            groups[-1].append(piece)
        return [Passage(group) for group in groups]

    @property
    def last_voice(self) -> float:
        """Seconds in the passage at which the last voice ends."""
        return self._voices[-1][1]

    def voiced(self, start: float, end: float) -> float:
        """How many of the seconds from ``start`` to ``end`` in the passage hold a voice."""
        return sum(max(0.0, min(end, last) - max(start, first)) for first, last in self._voices)

    def clock(self, start: float, end: float) -> tuple[float, float]:
        """Where a word of the passage is on the recording's clock; both in seconds.

        A word is where its middle is: it never reaches across a silence that was left out, and not far into one.
        """
        start, end = self._spoken(start, end)
        place = max(0, bisect_right(self._begins, (start + end) / 2 * RATE) - 1)
        shift = (self._starts[place] - self._begins[place]) / RATE
        first, last = 0.0, inf
        if not self._continues(place):
            first = self._starts[place] / RATE
        if not self._continues(place + 1):
            last = (self._starts[place] + self._lengths[place]) / RATE
        start = min(max(first, start + shift), last)
        return start, max(start, min(last, end + shift))

    def _spoken(self, start: float, end: float) -> tuple[float, float]:
        """Without the silence before the first and after the last voice in it: Whisper has words begin too early."""
        voices = [voice for voice in self._voices if voice[0] < end and voice[1] > start]
        if not voices:
            return start, end
        return max(start, voices[0][0] - _EARLY), max(start, min(end, voices[-1][1] + _LATE))

    def _continues(self, place: int) -> bool:
        """Whether nothing was left out between the piece at ``place`` and the one before."""
        if not 0 < place < len(self._starts):
            return False
        return self._starts[place] == self._starts[place - 1] + self._lengths[place - 1]


def passages(blocks: Iterable[Samples], vad: Vad, length: float) -> Iterator[Passage]:
    """Passages of at most about ``length`` seconds, each cut at its longest pause after the middle."""
    waiting: list[Piece] = []
    size = 0
    for piece in pieces(blocks, vad):
        waiting.append(piece)
        size += len(piece.samples)
        if size > length * RATE and len(waiting) > 1:
            begins = np.cumsum([len(one.samples) for one in waiting[:-1]])
            late = [place for place, begin in enumerate(begins, start=1) if begin >= length * RATE / 2]
            cut = max(late or [len(waiting) - 1], key=lambda place: (waiting[place].gap, place))
            yield Passage(waiting[:cut])
            waiting = waiting[cut:]
            size = sum(len(one.samples) for one in waiting)
    if waiting:
        yield Passage(waiting)


def pieces(blocks: Iterable[Samples], vad: Vad) -> Iterator[Piece]:
    """Every voice with the silence around it: all of a short one, the edges of a long one."""
    cutter = _Cutter(vad)
    for block in join_blocks(blocks, _BLOCK):
        yield from cutter.feed(block)
    yield from cutter.finish()


class _Cutter:
    """Finds voices, with some memory for a voice that flickers, and cuts the audio between them."""

    def __init__(self, vad: Vad) -> None:
        self._vad = vad
        self._samples: Samples = np.zeros(0, dtype=np.float32)  # what may still be wanted
        self._start = 0  # where that begins on the recording's clock, in samples
        self._position = 0  # samples that were looked at
        self._begin: int | None = None  # of the voice that is heard now
        self._end = 0  # of what was heard of it
        self._quiet = 0  # chunks since a voice
        self._before: tuple[int, int] | None = None  # the voice of which the piece is not cut yet
        self._cut = self._gap = 0  # where that piece begins, and the silence before its voice
        self._last = 0  # where the last voice ended

    def feed(self, block: Samples) -> Iterator[Piece]:
        self._samples = np.concatenate((self._samples, block))
        while self._position + CHUNK <= self._heard:
            yield from self._look(self._samples[self._position - self._start :][:CHUNK])
        if self._before is None and self._begin is None and self._position > _SILENCE:
            self._forget(self._position - _PADDING)

    def finish(self) -> Iterator[Piece]:
        rest = self._samples[self._position - self._start :]
        if len(rest):
            yield from self._look(np.pad(rest, (0, CHUNK - len(rest))))
        if self._begin is not None:
            yield from self._voice(self._begin, min(self._end, self._heard))
        if self._before is not None:
            left = self._heard - self._before[1]
            yield self._piece(self._heard if left <= _SILENCE else self._before[1] + _PADDING, self._before)
        self._before = self._begin = None

    @property
    def _heard(self) -> int:
        return self._start + len(self._samples)

    def _look(self, chunk: Samples) -> Iterator[Piece]:
        begin, self._position = self._position, self._position + CHUNK
        probability = self._vad.probability(chunk)
        if probability >= (_ON if self._begin is None else _OFF):
            self._begin = begin if self._begin is None else self._begin
            self._end, self._quiet = self._position, 0
            if self._end - self._begin >= _LONGEST * CHUNK:
                yield from self._voice(self._begin, self._end)
                self._begin = self._end
            return
        self._quiet += 1
        if self._begin is not None and self._quiet >= _PAUSE:
            yield from self._voice(self._begin, self._end)
            self._begin = None
        if self._before is not None and self._begin is None and self._position - self._before[1] > _SILENCE:
            yield self._piece(self._before[1] + _PADDING, self._before)
            self._before = None
        if self._quiet % _RESET == 0:
            self._vad.reset()

    def _voice(self, begin: int, end: int) -> Iterator[Piece]:
        """A voice is over; now it is known where the piece of the one before it ends."""
        if end - begin < _SHORTEST * CHUNK:
            return
        if self._before is None:
            cut = 0 if begin <= _SILENCE else begin - _PADDING
        else:
            cut = (self._before[1] + begin) // 2
            yield self._piece(cut, self._before)
        self._cut, self._gap = cut, begin - self._last
        self._before = (begin, end)
        self._last = end

    def _piece(self, end: int, voice: tuple[int, int]) -> Piece:
        samples = self._samples[self._cut - self._start : end - self._start].copy()
        piece = Piece(self._cut, samples, (voice[0] - self._cut, voice[1] - self._cut), self._gap)
        self._forget(end - _PADDING)
        return piece

    def _forget(self, until: int) -> None:
        if until > self._start:
            self._samples = self._samples[until - self._start :]
            self._start = until
