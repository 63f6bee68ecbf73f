"""Attributes words to speakers before captions are made of them. Pure.

Speaker activity is known a little later than words. A committed word waits for it as a tentative one, and an utterance
waits for its first word; neither waits longer than ``patience``, nor for a model that is behind.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from surtitle.captions.caption import Caption
from surtitle.core.words import TOGETHER, Hypothesis, Word
from surtitle.speakers.timeline import Timeline

_MAX_LATE = 200  # final captions that wait for their speakers
_MIN_SHARE = 0.25  # of a caption's words that a speaker must have said to be named


@dataclass(slots=True)
class _Utterance:
    """The hypothesis of an utterance, and its words whose speakers are decided: they never change."""

    hypothesis: Hypothesis = field(default_factory=Hypothesis)
    settled: list[Word] = field(default_factory=list)
    over: bool = False
    shown: bool = False

    @property
    def waiting(self) -> tuple[Word, ...]:
        return self.hypothesis.committed[len(self.settled) :]


@dataclass(frozen=True, slots=True)
class AttributedWords:
    """The words to show of the oldest unfinished utterance; with ``endpoint``, it is finished now."""

    hypothesis: Hypothesis
    endpoint: bool


class Attribution:
    """Attributes one source's words. Without a ``timeline`` nothing waits. Times are seconds on the channel's clock."""

    def __init__(self, label: Callable[[int], str]) -> None:
        self.timeline: Timeline | None = None
        self.patience = 0.0
        """Seconds of audio for which a word may wait."""
        self._label = label
        self._utterances: deque[_Utterance] = deque()
        self._late: deque[Caption] = deque(maxlen=_MAX_LATE)

    @property
    def unfinished(self) -> int:
        """The number of utterances that are over, with words that still wait for their speakers."""
        return sum(utterance.over for utterance in self._utterances)

    def update(self, hypothesis: Hypothesis, heard: float, *, endpoint: bool) -> list[AttributedWords]:
        """Take a newer hypothesis for the utterance in progress; audio up to ``heard`` has been received."""
        if not self._utterances or self._utterances[-1].over:
            self._utterances.append(_Utterance())
        newest = self._utterances[-1]
        newest.hypothesis, newest.over = hypothesis, endpoint
        return self.settle(heard)

    def settle(self, heard: float) -> list[AttributedWords]:
        """The words that can be shown now that more audio or activity is known."""
        shown: list[AttributedWords] = []
        timeline = self.timeline
        while self._utterances:
            oldest = self._utterances[0]
            for word in oldest.waiting:
                if self._waits(word, timeline, heard):
                    break
                oldest.settled.append(self._attribute(word, timeline))
            committed = tuple(oldest.settled)
            if oldest.over and not oldest.waiting:
                shown.append(AttributedWords(Hypothesis(committed), endpoint=True))
                self._utterances.popleft()
                continue
            rest = [*oldest.waiting, *oldest.hypothesis.tentative]
            rest += [word for later in list(self._utterances)[1:] for word in _words(later.hypothesis)]
            oldest.shown = oldest.shown or bool(committed) or not (rest and self._waits(rest[0], timeline, heard))
            tentative = tuple(self._attribute(word, timeline) for word in rest) if oldest.shown else ()
            shown.append(AttributedWords(Hypothesis(committed, tentative), endpoint=False))
            break
        return shown

    def release(self) -> list[AttributedWords]:
        """The words to show if no more audio is coming for now: nothing waits any longer."""
        return self.settle(math.inf)

    def keep(self, caption: Caption) -> None:
        """Keep a final caption without a speaker, in case the speaker becomes known later."""
        if self.timeline is not None and caption.final and caption.words and caption.speaker is None:
            self._late.append(caption)

    def take_late(self) -> list[Caption]:
        """Final captions whose speaker has become known, with that speaker."""
        timeline, found = self.timeline, []
        while timeline is not None and self._late and self._late[0].end <= timeline.known:
            caption = self._late.popleft()
            words = tuple(word if word.speaker else self._attribute(word, timeline) for word in caption.words)
            if speaker := main_speakers(words):
                found.append(replace(caption, words=words, speaker=speaker))
        return found

    def _waits(self, word: Word, timeline: Timeline | None, heard: float) -> bool:
        """Whether the speaker of the word may become known in time."""
        if timeline is None or word.end <= timeline.known:
            return False
        return heard < word.end + self.patience and heard - timeline.known <= self.patience

    def _attribute(self, word: Word, timeline: Timeline | None) -> Word:
        """The word with its speaker, if that is known now."""
        if timeline is None or (word.start + word.end) / 2 >= timeline.known:
            return word
        speakers = timeline.who(word.start, word.end)
        return replace(word, speaker=TOGETHER.join(map(self._label, speakers)) or None)


def main_speakers(words: Sequence[Word]) -> str | None:
    """The speakers of a considerable share of the words, in the order in which they begin; None if unknown."""
    parts = [word.speaker.split(TOGETHER) for word in words if word.speaker]
    counts: dict[str, int] = {}
    for speakers in parts:
        for speaker in speakers:
            counts[speaker] = counts.get(speaker, 0) + 1
    return TOGETHER.join(name for name, count in counts.items() if count >= _MIN_SHARE * len(parts)) or None


def _words(hypothesis: Hypothesis) -> tuple[Word, ...]:
    return (*hypothesis.committed, *hypothesis.tentative)
