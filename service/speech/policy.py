"""What of a hypothesis is committed. Pure: words in, words out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile, zip_longest

from service.speech.words import Hypothesis, Word


class Commitment:
    """The committed words of one utterance, which can only be added to."""

    def __init__(self) -> None:
        self.committed: list[Word] = []

    def rest(self, words: Sequence[Word]) -> list[Word]:
        """The words after the committed ones: by count where the hypothesis still says the same, else by time.

        Times alone would lose or double words at the border, for recognizers move them a little
        with every hypothesis.
        """
        count = len(self.committed)
        if list(map(_key, words[:count])) == list(map(_key, self.committed)):
            return list(words[count:])
        end = self.committed[-1].end
        return [word for word in words if (word.start + word.end) / 2 > end]

    def finish(self, words: Sequence[Word]) -> Hypothesis:
        """The utterance is over: commit what is left of its last hypothesis."""
        self.committed += self.rest(words)
        hypothesis = Hypothesis(tuple(self.committed))
        self.committed = []
        return hypothesis


class LocalAgreement(Commitment):
    """Commit the longest common prefix of the last ``n`` hypotheses.

    Source: Liu et al. 2020 (LocalAgreement), as used by Macháček et al. 2023 (Whisper-Streaming).
    """

    def __init__(self, n: int = 2) -> None:
        super().__init__()
        self._n = n
        self._history: list[list[Word]] = []

    def insert(self, words: Sequence[Word]) -> Hypothesis:
        """A new hypothesis for the whole utterance so far."""
        rest = self.rest(words)
        self._history = [*self._history, rest][-self._n :]
        if len(self._history) == self._n:
            agreed = 0
            for column in zip(*self._history, strict=False):
                if len({_key(word) for word in column}) > 1:
                    break
                agreed += 1
            self.committed += rest[:agreed]
            self._history = [words[agreed:] for words in self._history]
            rest = rest[agreed:]
        return Hypothesis(tuple(self.committed), tuple(rest))

    def finish(self, words: Sequence[Word]) -> Hypothesis:
        self._history = []
        return super().finish(words)


class HoldBack(Commitment):
    """For engines that decode frame by frame: their best path settles as time passes.

    A word is committed when it ended at least ``seconds`` ago. It is shown, as tentative, when it
    ended ``_AGE`` ago and was believed for ``_STEADY``, all in seconds of audio; the newest words
    change with nearly every frame, and nobody can read those (docs/engines.md has the figures).
    """

    _AGE = 0.4
    _STEADY = 0.2

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._believed: list[tuple[str, float]] = []  # what the last hypothesis said after the committed, since when
        self._shown: list[Word] = []

    def insert(self, words: Sequence[Word], heard: float) -> Hypothesis:
        """A new hypothesis for the whole utterance of which ``heard`` seconds are known."""
        rest = self.rest(words)
        self._believed = [
            (word.text, before[1] if before is not None and before[0] == word.text else heard)
            for word, before in zip_longest(rest, self._believed[: len(rest)])
        ]
        steady = 0
        for word, (_, since) in zip(rest, self._believed, strict=True):
            if word.end > heard - self._AGE or since > heard - self._STEADY:
                break
            steady += 1
        settled = sum(1 for _ in takewhile(lambda word: word.end <= heard - self._seconds, rest[:steady]))
        self.committed += rest[:settled]
        self._believed = self._believed[settled:]
        self._shown = self._replace(self._shown[settled:], rest[settled:steady])
        return Hypothesis(tuple(self.committed), tuple(self._shown))

    def finish(self, words: Sequence[Word]) -> Hypothesis:
        self._believed, self._shown = [], []
        return super().finish(words)

    @staticmethod
    def _replace(shown: list[Word], steady: list[Word]) -> list[Word]:
        """Words that are shown stay until others take their place: nothing blinks."""
        if [word.text for word in shown[: len(steady)]] == [word.text for word in steady]:
            return [*steady, *shown[len(steady) :]]
        return steady


def _key(word: Word) -> str:
    return word.text.casefold().strip(".,;:!?…\"'()[]-–— ")
