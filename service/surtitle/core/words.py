"""Words and hypotheses: what every engine and policy speaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

TOGETHER = ", "
"""Between the names of speakers who speak at once."""


@dataclass(frozen=True, slots=True)
class Word:
    """One recognized word.

    ``start`` and ``end`` are seconds, ``probability`` is in [0, 1]. ``text`` carries its own
    punctuation; ``spaced`` is False where the script puts no space before it. ``speaker`` is who
    says it, where that is known; those who speak at once are joined by `TOGETHER`.
    """

    text: str
    start: float
    end: float
    probability: float = 1.0
    spaced: bool = True
    speaker: str | None = None

    @property
    def key(self) -> str:
        """What tells it from other words: neither case nor punctuation."""
        return self.text.casefold().strip(".,;:!?…\"'()[]-–— ")

    def shifted(self, seconds: float) -> Word:
        """The same word, later by ``seconds``, but not before 0."""
        return replace(self, start=max(0.0, self.start + seconds), end=max(0.0, self.end + seconds))


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What is believed of the utterance so far.

    ``committed`` only ever grows at its end; ``tentative`` may change altogether.
    """

    committed: tuple[Word, ...] = ()
    tentative: tuple[Word, ...] = ()


def join(words: Iterable[Word]) -> str:
    """The words as running text."""
    return "".join((" " if word.spaced else "") + word.text for word in words).lstrip(" ")
