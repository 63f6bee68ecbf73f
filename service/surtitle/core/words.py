"""Words and hypotheses, the data that engines, policies and captions exchange."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

TOGETHER = ", "
"""Separates the names of people who speak at the same time."""


@dataclass(frozen=True, slots=True)
class Word:
    """One recognized word.

    ``start`` and ``end`` are seconds, ``probability`` is in [0, 1]. ``text`` includes its
    punctuation; ``spaced`` is False if the script puts no space before it. ``speaker`` is the
    name of the speaker if it is known; names of people who speak at the same time are joined
    by `TOGETHER`.
    """

    text: str
    start: float
    end: float
    probability: float = 1.0
    spaced: bool = True
    speaker: str | None = None

    @property
    def key(self) -> str:
        """The text without case and punctuation, for comparing words."""
        return self.text.casefold().strip(".,;:!?…\"'()[]-–— ")

    def shift(self, seconds: float) -> Word:
        """The same word, ``seconds`` later, with times of at least 0."""
        return replace(self, start=max(0.0, self.start + seconds), end=max(0.0, self.end + seconds))


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The words of the utterance so far.

    ``committed`` words never change, more are only appended; ``tentative`` ones may all change.
    """

    committed: tuple[Word, ...] = ()
    tentative: tuple[Word, ...] = ()


def join(words: Iterable[Word]) -> str:
    """The words as running text."""
    return "".join((" " if word.spaced else "") + word.text for word in words).lstrip(" ")
