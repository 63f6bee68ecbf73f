"""What of a hypothesis is committed. Pure: words in, words out."""

from __future__ import annotations

from collections.abc import Sequence

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
    """Commit words that ended at least ``seconds`` ago and are the same as one step before.

    For engines that decode frame by frame: their best path settles as time passes.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._before: set[tuple[str, float]] = set()

    def insert(self, words: Sequence[Word], heard: float) -> Hypothesis:
        """A new hypothesis for the whole utterance of which ``heard`` seconds are known."""
        rest = self.rest(words)
        settled = 0
        for word in rest:
            if word.end > heard - self._seconds or (word.text, word.start) not in self._before:
                break
            settled += 1
        self.committed += rest[:settled]
        self._before = {(word.text, word.start) for word in rest}
        return Hypothesis(tuple(self.committed), tuple(rest[settled:]))

    def finish(self, words: Sequence[Word]) -> Hypothesis:
        self._before = set()
        return super().finish(words)


def _key(word: Word) -> str:
    return word.text.casefold().strip(".,;:!?…\"'()[]-–— ")
