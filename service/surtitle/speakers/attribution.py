"""Words get their speakers before captions are made of them. Pure.

Activity comes a little later than words. A committed word waits for it as a tentative one, and an
utterance for its first word; neither waits longer than ``patience``, nor for a model that is behind.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from surtitle.captions.caption import Caption
from surtitle.core.words import TOGETHER, Hypothesis, Word
from surtitle.speakers.timeline import Timeline

_LATE = 200  # final captions that wait for their speakers
_SHARE = 0.25  # of a caption's words, for which a speaker is worth a name


@dataclass(slots=True)
class _Utterance:
    """What is believed of it, and the words that have been settled: they stay as they are."""

    hypothesis: Hypothesis = field(default_factory=Hypothesis)
    settled: list[Word] = field(default_factory=list)
    over: bool = False
    shown: bool = False

    @property
    def waiting(self) -> tuple[Word, ...]:
        return self.hypothesis.committed[len(self.settled) :]


@dataclass(frozen=True, slots=True)
class AttributedWords:
    """What is to be shown of an utterance, the oldest that is not over; ``endpoint``: now it is."""

    hypothesis: Hypothesis
    endpoint: bool


class Attribution:
    """One source's. Without a ``timeline`` nothing waits. Times are on the channel's clock, in seconds."""

    def __init__(self, label: Callable[[int], str]) -> None:
        self.timeline: Timeline | None = None
        self.patience = 0.0
        """Seconds of audio after a word that it may wait for."""
        self._label = label
        self._utterances: deque[_Utterance] = deque()
        self._late: deque[Caption] = deque(maxlen=_LATE)

    def update(self, hypothesis: Hypothesis, heard: float, *, endpoint: bool) -> list[AttributedWords]:
        """A newer hypothesis for the utterance in progress, when audio until ``heard`` is known."""
        if not self._utterances or self._utterances[-1].over:
            self._utterances.append(_Utterance())
        newest = self._utterances[-1]
        newest.hypothesis, newest.over = hypothesis, endpoint
        return self.settle(heard)

    def settle(self, heard: float) -> list[AttributedWords]:
        """What can be shown now that more audio, or activity, has come."""
        shown: list[AttributedWords] = []
        timeline = self.timeline
        while self._utterances:
            oldest = self._utterances[0]
            for word in oldest.waiting:
                if self._waits(word, timeline, heard):
                    break
                oldest.settled.append(self._named(word, timeline))
            committed = tuple(oldest.settled)
            if oldest.over and not oldest.waiting:
                shown.append(AttributedWords(Hypothesis(committed), endpoint=True))
                self._utterances.popleft()
                continue
            rest = [*oldest.waiting, *oldest.hypothesis.tentative]
            rest += [word for later in list(self._utterances)[1:] for word in _words(later.hypothesis)]
            oldest.shown = oldest.shown or bool(committed) or not (rest and self._waits(rest[0], timeline, heard))
            tentative = tuple(self._named(word, timeline) for word in rest) if oldest.shown else ()
            shown.append(AttributedWords(Hypothesis(committed, tentative), endpoint=False))
            break
        return shown

    def release(self) -> list[AttributedWords]:
        """No more is coming for now: nothing waits any longer."""
        return self.settle(math.inf)

    def keep(self, caption: Caption) -> None:
        """A caption became final: if nobody is named in it, see whether it becomes known later."""
        if self.timeline is not None and caption.final and caption.words and caption.speaker is None:
            self._late.append(caption)

    def take_late(self) -> list[Caption]:
        """Final captions of which it is now known who speaks, with a speaker."""
        timeline, found = self.timeline, []
        while timeline is not None and self._late and self._late[0].end <= timeline.known:
            caption = self._late.popleft()
            words = tuple(word if word.speaker else self._named(word, timeline) for word in caption.words)
            if speaker := most_heard(words):
                found.append(replace(caption, words=words, speaker=speaker))
        return found

    def _waits(self, word: Word, timeline: Timeline | None, heard: float) -> bool:
        """Whether it may become known in time who says the word."""
        if timeline is None or word.end <= timeline.known:
            return False
        return heard < word.end + self.patience and heard - timeline.known <= self.patience

    def _named(self, word: Word, timeline: Timeline | None) -> Word:
        """The word with who says it, if that is known now."""
        if timeline is None or (word.start + word.end) / 2 >= timeline.known:
            return word
        speakers = timeline.who(word.start, word.end)
        return replace(word, speaker=TOGETHER.join(map(self._label, speakers)) or None)


def most_heard(words: Sequence[Word]) -> str | None:
    """Those who say much of it, by the order in which they begin."""
    parts = [word.speaker.split(TOGETHER) for word in words if word.speaker]
    counts: dict[str, int] = {}
    for speakers in parts:
        for speaker in speakers:
            counts[speaker] = counts.get(speaker, 0) + 1
    return TOGETHER.join(name for name, count in counts.items() if count >= _SHARE * len(parts)) or None


def _words(hypothesis: Hypothesis) -> tuple[Word, ...]:
    return (*hypothesis.committed, *hypothesis.tentative)
