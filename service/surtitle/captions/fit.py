"""Fits captions to another recording of what was said, which may have been paused or begun at another time. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from surtitle.captions.caption import Caption
from surtitle.core.words import Word


@dataclass(frozen=True, slots=True)
class Piece:
    """An uninterrupted stretch of a recording, in seconds.

    ``start`` is its beginning on the clock of the captions, ``position`` the same in the recording. It lasts ``length``
    seconds, which is infinite for a stretch that has not ended.
    """

    start: float
    position: float
    length: float = float("inf")

    @property
    def offset(self) -> float:
        """The seconds to add to the captions' times."""
        return self.position - self.start

    @property
    def end(self) -> float:
        return self.start + self.length


def fit_captions(captions: Iterable[Caption], pieces: Sequence[Piece]) -> list[Caption]:
    """The captions with times of the recording, without words that are in none of its ``pieces``.

    The pieces are in order of time, on both clocks. A word belongs to the piece that has most of it.
    """
    starts = [piece.start for piece in pieces]
    fitted = []
    for caption in captions:
        words = tuple(found for word in caption.words if (found := _fit_word(word, pieces, starts)) is not None)
        if words:
            fitted.append(replace(caption, words=words))
    return fitted


def _fit_word(word: Word, pieces: Sequence[Piece], starts: Sequence[float]) -> Word | None:
    middle = (word.start + word.end) / 2
    number = bisect_right(starts, middle) - 1
    if number < 0 or middle >= pieces[number].end:
        return None
    piece = pieces[number]
    start, end = (min(max(time, piece.start), piece.end) + piece.offset for time in (word.start, word.end))
    return replace(word, start=max(0.0, start), end=max(0.0, end)) if end > 0 else None
