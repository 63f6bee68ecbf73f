"""The words of one utterance: what is committed, what is shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from surtitle.core.words import Hypothesis, Word
from surtitle.speech.policy import Display, Policy


class CommittedWords:
    """Holds the committed words of one utterance after another. They can only be added to."""

    def __init__(self, policy: Policy, display: Display) -> None:
        self._policy = policy
        self._display = display
        self._committed: list[Word] = []

    @property
    def committed(self) -> tuple[Word, ...]:
        return tuple(self._committed)

    def rest(self, words: Sequence[Word]) -> list[Word]:
        """What of a hypothesis for the whole utterance comes after the committed words.

        By count where the hypothesis still says the same, else by time. Times alone would lose or
        double words at the border, for recognizers move them a little with every hypothesis.
        """
        count = len(self._committed)
        if [word.key for word in words[:count]] == [word.key for word in self._committed]:
            return list(words[count:])
        end = self._committed[-1].end
        return [word for word in words if (word.start + word.end) / 2 > end]

    def insert(self, words: Sequence[Word], heard: float, *, least: int = 0, most: int | None = None) -> Hypothesis:
        """The newest ``words`` after the committed ones, when ``heard`` seconds of the utterance are known.

        At least ``least`` of them and no more than ``most`` are committed, whatever the policy says.
        """
        settled = self._display.settled(words, heard)
        count = min(self._policy.commit(words, heard), settled, len(words) if most is None else most)
        count = max(count, least)
        self._committed += words[:count]
        return Hypothesis(self.committed, self._display.show(words, settled, count))

    def finish(self, words: Sequence[Word]) -> Hypothesis:
        """The utterance is over: ``words`` follow the committed ones and are committed as well."""
        self._committed += words
        hypothesis = Hypothesis(self.committed)
        self._policy.reset()
        self._display.reset()
        self._committed = []
        return hypothesis
