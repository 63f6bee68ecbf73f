"""Policies that decide which words of a hypothesis are committed, and which are shown. Pure: words in, counts out.

Before a policy is called, the words that are already committed have been forced on the decoder or left out. It only
decides how many of the words after them are committed: committed text can only grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol

from surtitle.core.words import Word


class Policy(Protocol):
    """Decides which words of an utterance are committed."""

    def commit(self, words: Sequence[Word], heard: float) -> int:
        """The number of ``words``, the newest hypothesis after the committed words, to commit now.

        ``heard`` seconds of the utterance have been received.
        """

    def reset(self) -> None:
        """Reset the state for the next utterance."""


@dataclass(frozen=True, slots=True)
class Margin:
    """The seconds that must follow the end of a word of at least ``probability``.

    ``agreed`` applies to a word that the previous hypothesis had in the same position, ``new`` to others.
    """

    probability: float
    new: float
    agreed: float


MARGINS = (Margin(0.85, 0.5, 0.1), Margin(0.6, 1.1, 0.4), Margin(0.35, 1.7, 0.9), Margin(0.0, 2.1, 1.7))
"""Measured on recorded human speech (docs/engines.md)."""


class AlignAtt:
    """Commits the words whose attention lies far enough before the end of the audio.

    What a decoder writes while it attends to the very end of the audio is a guess at an unfinished word. Source: Papi
    et al. 2023 (AlignAtt), Macháček et al. 2025 (SimulStreaming). They watch the most attended frame while decoding;
    here, the position of a word is its end in the monotonic alignment of the same attention, which CTranslate2 computes
    for finished hypotheses. They use one margin for all words, while here it depends on the word's probability: most
    errors are in the few words of low probability, for which it is worth waiting for more audio.
    """

    def __init__(self, margins: Sequence[Margin] = MARGINS) -> None:
        """``margins`` by descending probability, the last one for any."""
        self._margins = margins
        self._before: list[str] = []  # the last hypothesis after the committed words, without punctuation

    def commit(self, words: Sequence[Word], heard: float) -> int:
        count = index = 0  # of all words, and of those that are not only punctuation
        for word in words:
            if word.key:
                agreed = index < len(self._before) and self._before[index] == word.key
                if heard - word.end < self._margin(word, agreed):
                    break
                index += 1
            count += 1
        self._before = [word.key for word in words[count:] if word.key]
        return count

    def reset(self) -> None:
        self._before = []

    def _margin(self, word: Word, agreed: bool) -> float:
        margin = next(margin for margin in self._margins if word.probability >= margin.probability)
        return margin.agreed if agreed else margin.new


class LocalAgreement:
    """Commits the longest common prefix of the last ``n`` hypotheses.

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
    """Commits words that ended long enough ago, for engines whose best path settles as time passes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def commit(self, words: Sequence[Word], heard: float) -> int:
        return _count_ended(words, heard - self._seconds)

    def reset(self) -> None:
        """There is no state: only time counts."""


class Display:
    """Decides which words after the committed ones are shown, so that few words change on screen.

    A word is shown if it ended ``age`` ago and has not changed for ``steady``, both in seconds of audio: the newest
    words change with nearly every hypothesis, and nobody could read them. A word with a probability below ``unsure`` is
    shown if it ended ``unsure_age`` ago. A word stays on screen until another replaces it, so that nothing blinks.
    """

    def __init__(self, age: float, steady: float, unsure: float = 0.0, unsure_age: float = 0.0) -> None:
        self._age = age
        self._steady = steady
        self._unsure = unsure
        self._unsure_age = unsure_age
        self._believed: list[
            tuple[str, float]
        ] = []  # words of the last hypothesis, each with the time since which it is there
        self._shown: list[Word] = []

    def reset(self) -> None:
        """Reset the state for the next utterance."""
        self._believed, self._shown = [], []

    def count_settled(self, words: Sequence[Word], heard: float) -> int:
        """The number of ``words``, the newest hypothesis, that may be shown or committed."""
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
        """The tentative words to show after the first ``committed`` of ``words`` have been committed."""
        fresh = list(words[committed : max(settled, committed)])
        shown = self._shown[committed:]
        self._believed = self._believed[committed:]
        same = [word.text for word in shown[: len(fresh)]] == [word.text for word in fresh]
        self._shown = [*fresh, *shown[len(fresh) :]] if same else fresh
        return tuple(self._shown)


def _count_ended(words: Sequence[Word], until: float) -> int:
    """The number of words, from the first on, that ended by ``until``."""
    count = 0
    for word in words:
        if word.end > until:
            break
        count += 1
    return count
