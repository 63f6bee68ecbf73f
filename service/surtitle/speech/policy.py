"""What of a hypothesis is committed, and what is shown. Pure: words in, counts out.

The words that are committed already are forced on the decoder, or left out, before a policy is
asked. All that it decides is how many of the words after them follow: committed text can only grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol

from surtitle.core.words import Word


class Policy(Protocol):
    """Decides on one utterance."""

    def commit(self, words: Sequence[Word], heard: float) -> int:
        """How many of ``words``, the newest hypothesis after the committed words, are committed now.

        ``heard`` seconds of the utterance are known.
        """

    def reset(self) -> None:
        """Another utterance begins."""


@dataclass(frozen=True, slots=True)
class Margin:
    """For words of at least ``probability``: seconds between a word's end and the end of the audio.

    ``agreed`` holds for a word that the hypothesis before had in the same place, ``new`` for others.
    """

    probability: float
    new: float
    agreed: float


MARGINS = (Margin(0.85, 0.5, 0.1), Margin(0.6, 1.1, 0.4), Margin(0.35, 1.7, 0.9), Margin(0.0, 2.1, 1.7))
"""Found by measuring on people's speech (docs/engines.md)."""


class AlignAtt:
    """Commit the words whose attention lies far enough before the end of the audio.

    What a decoder writes while it looks at the very end of what it has heard is a guess at a word
    that is not over. Source: Papi et al. 2023 (AlignAtt), Macháček et al. 2025 (SimulStreaming).
    They watch the most attended frame while decoding; here a word's place is its end in the
    monotonic alignment of the same attention, which CTranslate2 computes for finished hypotheses.
    And they have one margin for all words, while here it depends on how much a word is believed: most
    errors are in the few words of low probability, for which the sound that follows is worth waiting.
    """

    def __init__(self, margins: Sequence[Margin] = MARGINS) -> None:
        """``margins`` by descending probability, the last one for any."""
        self._margins = margins
        self._before: list[str] = []  # the last hypothesis after the committed words, without punctuation

    def commit(self, words: Sequence[Word], heard: float) -> int:
        count = place = 0  # of all words, and of those that are not only punctuation
        for word in words:
            if word.key:
                agreed = place < len(self._before) and self._before[place] == word.key
                if heard - word.end < self._margin(word, agreed):
                    break
                place += 1
            count += 1
        self._before = [word.key for word in words[count:] if word.key]
        return count

    def reset(self) -> None:
        self._before = []

    def _margin(self, word: Word, agreed: bool) -> float:
        margin = next(one for one in self._margins if word.probability >= one.probability)
        return margin.agreed if agreed else margin.new


class LocalAgreement:
    """Commit the longest common prefix of the last ``n`` hypotheses.

    Source: Liu et al. 2020 (LocalAgreement), as used by Macháček et al. 2023 (Whisper-Streaming).
    """

    def __init__(self, n: int = 2) -> None:
        self._n = n
        self._history: list[list[str]] = []

    def commit(self, words: Sequence[Word], heard: float) -> int:
        self._history = [*self._history, [word.key for word in words]][-self._n :]
        if len(self._history) < self._n:
            return 0
        agreed = 0
        for column in zip(*self._history, strict=False):
            if len(set(column)) > 1:
                break
            agreed += 1
        self._history = [keys[agreed:] for keys in self._history]
        return agreed

    def reset(self) -> None:
        self._history.clear()


class HoldBack:
    """Commit what ended long enough ago: for engines whose best path settles as time passes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def commit(self, words: Sequence[Word], heard: float) -> int:
        return _count(words, heard - self._seconds)

    def reset(self) -> None:
        """Only time counts."""


class Display:
    """Which of the words after the committed ones are shown, so that few of them have to be reworded.

    A word is shown when it ended ``age`` ago and was believed for ``steady``, both in seconds of
    audio: the newest words change with nearly every hypothesis, and nobody can read those. One with a
    probability below ``unsure`` is shown when it ended ``unsure_age`` ago. A word stays until another
    takes its place: nothing blinks.
    """

    def __init__(self, age: float, steady: float, unsure: float = 0.0, unsure_age: float = 0.0) -> None:
        self._age = age
        self._steady = steady
        self._unsure = unsure
        self._unsure_age = unsure_age
        self._believed: list[tuple[str, float]] = []  # what the last hypothesis said, and since when
        self._shown: list[Word] = []

    def reset(self) -> None:
        """Another utterance begins."""
        self._believed, self._shown = [], []

    def settled(self, words: Sequence[Word], heard: float) -> int:
        """How many of ``words``, the newest hypothesis, may be believed."""
        self._believed = [
            (word.text, before[1] if before is not None and before[0] == word.text else heard)
            for word, before in zip_longest(words, self._believed[: len(words)])
        ]
        count = 0
        for word, (_, since) in zip(words, self._believed, strict=True):
            age = self._unsure_age if word.probability < self._unsure else self._age
            if word.end > heard - age or since > heard - self._steady:
                break
            count += 1
        return count

    def show(self, words: Sequence[Word], settled: int, committed: int) -> tuple[Word, ...]:
        """The tentative words on screen, when the first ``committed`` of ``words`` are that no more."""
        fresh = list(words[committed : max(settled, committed)])
        shown = self._shown[committed:]
        self._believed = self._believed[committed:]
        same = [word.text for word in shown[: len(fresh)]] == [word.text for word in fresh]
        self._shown = [*fresh, *shown[len(fresh) :]] if same else fresh
        return tuple(self._shown)


def _count(words: Sequence[Word], until: float) -> int:
    """How many words, from the first on, ended by ``until``."""
    count = 0
    for word in words:
        if word.end > until:
            break
        count += 1
    return count
