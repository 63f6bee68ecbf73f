"""Keeps the words of an utterance that are committed, and decides which others are shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from surtitle.core.words import Hypothesis, Word
from surtitle.speech.policy import Display, Policy


class CommittedWords:
    """The committed words of one utterance after another. Words can only be added."""

    def __init__(self, policy: Policy, display: Display) -> None:
        self._policy = policy
        self._display = display
        self._committed: list[Word] = []

    @property
    def committed(self) -> tuple[Word, ...]:
        return tuple(self._committed)

    def rest(self, words: Sequence[Word]) -> list[Word]:
        """The words of a hypothesis for the whole utterance that follow the committed ones.

        They are found by count if the hypothesis begins with the committed words, and otherwise by time. Time alone
        would lose or duplicate words, because recognizers change times a little with every hypothesis.
        """
        count = len(self._committed)
        if [word.key for word in words[:count]] == [word.key for word in self._committed]:
            return list(words[count:])
        end = self._committed[-1].end
        return [word for word in words if (word.start + word.end) / 2 > end]

    def insert(
        self, words: Sequence[Word], heard: float, *, min_count: int = 0, max_count: int | None = None
    ) -> Hypothesis:
        """Take the newest ``words`` after the committed ones, given ``heard`` seconds of the utterance.

        At least ``min_count`` of them and no more than ``max_count`` are committed, whatever the policy says.
        """
        settled = self._display.count_settled(words, heard)
        count = min(self._policy.commit(words, heard), settled, len(words) if max_count is None else max_count)
        count = max(count, min_count)
        self._committed += words[:count]
        return Hypothesis(self.committed, self._display.show(words, settled, count))

    def finish(self, words: Sequence[Word]) -> Hypothesis:
        """End the utterance: ``words`` follow the committed ones and are committed, too."""
        self._committed += words
        hypothesis = Hypothesis(self.committed)
        self._policy.reset()
        self._display.reset()
        self._committed = []
        return hypothesis
