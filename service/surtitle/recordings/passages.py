"""Splits recorded speech into passages without long silences, for recognition without a time limit. Pure.

A passage is long enough to give context and short enough for memory, and is cut where nobody speaks. The audio is
read once, so a file of hours needs the memory of one passage. Where speech is rare, a passage ends long before it has
its length: what has been read must be recognized soon, or a person sees no progress, and a stop costs hours of work.
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

# probabilities at which a voice begins and ends, as in Silero's own iterator
_ON_THRESHOLD, _OFF_THRESHOLD = 0.5, 0.35
_END_CHUNKS = 8  # chunks (0.26 s) below `_OFF_THRESHOLD` that end a voice
_MIN_VOICE_CHUNKS = 3  # chunks (0.1 s) of voice that can be a word; less is a click
_MAX_VOICE_CHUNKS = 937  # chunks (30 s) of voice after which a piece ends in any case
_RESET_CHUNKS = 125  # chunks (4 s) without voice after which the detector is reset: its state drifts, and it goes deaf
_MAX_SILENCE = 3 * RATE  # samples; longer silences between voices are removed, shorter ones separate sentences
_CONTEXT_SILENCE = 60 * RATE  # samples of silence across which text does not continue
_MAX_SPAN = 900 * RATE  # samples on the recording's clock in one passage
_PADDING = round(0.5 * RATE)  # samples of a removed silence that are kept before and after a voice
_MAX_EARLY, _MAX_LATE = 0.1, 0.3  # seconds by which a word may begin before a voice and end after it
_BLOCK = 10 * RATE  # samples that are processed at once


@dataclass(frozen=True, slots=True)
class Piece:
    """Contiguous audio around one voice, which is a stretch of speech.

    ``start`` is its first sample on the recording's clock, ``voice`` the beginning and end of the voice in
    ``samples``, ``gap`` the silence before it, all in samples.
    """

    start: int
    samples: Samples
    voice: tuple[int, int]
    gap: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody has spoken for a minute or more, up to ``end`` seconds on the recording's clock."""

    end: float


class Passage:
    """Consecutive pieces, with the silences between them removed."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = tuple(pieces)
        self.samples: Samples = np.concatenate([piece.samples for piece in pieces])
        self._starts = [piece.start for piece in pieces]
        self._lengths = [len(piece.samples) for piece in pieces]
        self._begins = [0, *accumulate(self._lengths[:-1])]
        self.voices = [
            ((begin + piece.voice[0]) / RATE, (begin + piece.voice[1]) / RATE)
            for begin, piece in zip(self._begins, pieces, strict=True)
        ]
        """The beginning and end of each voice, in seconds in the passage."""
        self.end = (pieces[-1].start + len(pieces[-1].samples)) / RATE
        """Seconds on the recording's clock."""

    def parts(self, length: float) -> list[Passage]:
        """The passage in parts of at most about ``length`` seconds."""
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
        """The end of the last voice, in seconds in the passage."""
        return self.voices[-1][1]

    def voiced_seconds(self, start: float, end: float) -> float:
        """The number of seconds with a voice between ``start`` and ``end`` (seconds in the passage)."""
        return sum(max(0.0, min(end, last) - max(start, first)) for first, last in self.voices)

    def to_clock(self, start: float, end: float) -> tuple[float, float]:
        """Convert the start and end of a word from seconds in the passage to seconds on the recording's clock.

        The middle of the word decides in which piece it is: it never reaches across a removed silence, nor far into
        one.
        """
        start, end = self._clip_to_voices(start, end)
        index = max(0, bisect_right(self._begins, (start + end) / 2 * RATE) - 1)
        shift = (self._starts[index] - self._begins[index]) / RATE
        first, last = 0.0, inf
        if not self._continues(index):
            first = self._starts[index] / RATE
        if not self._continues(index + 1):
            last = (self._starts[index] + self._lengths[index]) / RATE
        start = float(min(max(first, start + shift), last))
        return start, float(max(start, min(last, end + shift)))

    def _clip_to_voices(self, start: float, end: float) -> tuple[float, float]:
        """Remove silence before the first and after the last voice in a word: Whisper lets words begin too early."""
        voices = [voice for voice in self.voices if voice[0] < end and voice[1] > start]
        if not voices:
            return start, end
        return max(start, voices[0][0] - _MAX_EARLY), max(start, min(end, voices[-1][1] + _MAX_LATE))

    def _continues(self, index: int) -> bool:
        """Whether the piece at ``index`` directly follows the one before."""
        if not 0 < index < len(self._starts):
            return False
        return self._starts[index] == self._starts[index - 1] + self._lengths[index - 1]


def split_passages(blocks: Iterable[Samples], vad: Vad, length: float) -> Iterator[Passage | Silence]:
    """Split audio into passages of at most about ``length`` seconds, each cut at its longest pause after the middle.

    A passage also ends with a long silence, during which the position is reported every ten seconds.
    """
    waiting: list[Piece] = []
    size = 0
    for found in split_pieces(blocks, vad):
        if isinstance(found, Silence):
            if waiting:
                yield Passage(waiting)
            yield found
            waiting, size = [], 0
            continue
        waiting.append(found)
        size += len(found.samples)
        if (size > length * RATE or found.start - waiting[0].start > _MAX_SPAN) and len(waiting) > 1:
            begins = np.cumsum([len(one.samples) for one in waiting[:-1]])
            late = [index for index, begin in enumerate(begins, start=1) if begin >= size / 2]
            cut = max(late or [len(waiting) - 1], key=lambda index: (waiting[index].gap, index))
            yield Passage(waiting[:cut])
            waiting = waiting[cut:]
            size = sum(len(one.samples) for one in waiting)
    if waiting:
        yield Passage(waiting)


def split_pieces(blocks: Iterable[Samples], vad: Vad) -> Iterator[Piece | Silence]:
    """Every voice with the silence around it, of which long ones are shortened and reported."""
    cutter = _Cutter(vad)
    for block in join_blocks(blocks, _BLOCK):
        yield from cutter.feed(block)
        if cutter.silence >= _CONTEXT_SILENCE:
            yield Silence(cutter.position / RATE)
    yield from cutter.finish()


class _Cutter:
    """Finds voices, bridging short interruptions, and cuts the audio between them."""

    def __init__(self, vad: Vad) -> None:
        self._vad = vad
        self._samples: Samples = np.zeros(0, dtype=np.float32)  # audio that may still be needed
        self._start = 0  # its beginning on the recording's clock, in samples, as all positions below
        self.position = 0
        """The end of the processed samples."""
        self._begin: int | None = None  # beginning of the current voice
        self._end = 0  # end of the current voice so far
        self._quiet = 0  # chunks since the last voice
        self._before: tuple[int, int] | None = None  # the previous voice, whose piece is not cut yet
        self._cut = self._gap = 0  # beginning of that piece, and the silence before its voice
        self._last = 0  # end of the last voice

    @property
    def silence(self) -> int:
        """Samples without a voice since the end of the last piece; 0 while there is one that is not complete."""
        return self.position - self._last if self._before is None and self._begin is None else 0

    def feed(self, block: Samples) -> Iterator[Piece]:
        self._samples = np.concatenate((self._samples, block))
        while self.position + CHUNK <= self._received:
            yield from self._process(self._samples[self.position - self._start :][:CHUNK])
        if self._before is None and self._begin is None and self.position > _MAX_SILENCE:
            self._discard(self.position - _PADDING)

    def finish(self) -> Iterator[Piece]:
        rest = self._samples[self.position - self._start :]
        if len(rest):
            yield from self._process(np.pad(rest, (0, CHUNK - len(rest))))
        if self._begin is not None:
            yield from self._end_voice(self._begin, min(self._end, self._received))
        if self._before is not None:
            silence = self._received - self._before[1]
            yield self._cut_piece(
                self._received if silence <= _MAX_SILENCE else self._before[1] + _PADDING, self._before
            )
        self._before = self._begin = None

    @property
    def _received(self) -> int:
        return self._start + len(self._samples)

    def _process(self, chunk: Samples) -> Iterator[Piece]:
        begin, self.position = self.position, self.position + CHUNK
        probability = self._vad.probability(chunk)
        if probability >= (_ON_THRESHOLD if self._begin is None else _OFF_THRESHOLD):
            self._begin = begin if self._begin is None else self._begin
            self._end, self._quiet = self.position, 0
            if self._end - self._begin >= _MAX_VOICE_CHUNKS * CHUNK:
                yield from self._end_voice(self._begin, self._end)
                self._begin = self._end
            return
        self._quiet += 1
        if self._begin is not None and self._quiet >= _END_CHUNKS:
            yield from self._end_voice(self._begin, self._end)
            self._begin = None
        if self._before is not None and self._begin is None and self.position - self._before[1] > _MAX_SILENCE:
            yield self._cut_piece(self._before[1] + _PADDING, self._before)
            self._before = None
        if self._quiet % _RESET_CHUNKS == 0:
            self._vad.reset()

    def _end_voice(self, begin: int, end: int) -> Iterator[Piece]:
        """A voice has ended, which determines where the piece of the previous one ends."""
        if end - begin < _MIN_VOICE_CHUNKS * CHUNK:
            return
        if self._before is None:
            cut = 0 if begin <= _MAX_SILENCE else begin - _PADDING
        else:
            cut = (self._before[1] + begin) // 2
            yield self._cut_piece(cut, self._before)
        self._cut, self._gap = cut, begin - self._last
        self._before = (begin, end)
        self._last = end

    def _cut_piece(self, end: int, voice: tuple[int, int]) -> Piece:
        samples = self._samples[self._cut - self._start : end - self._start].copy()
        piece = Piece(self._cut, samples, (voice[0] - self._cut, voice[1] - self._cut), self._gap)
        self._discard(end - _PADDING)
        return piece

    def _discard(self, until: int) -> None:
        if until > self._start:
            self._samples = self._samples[until - self._start :]
            self._start = until
