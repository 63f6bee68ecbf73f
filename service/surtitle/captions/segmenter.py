"""Words into captions: a caption ends at an endpoint, at a sentence's end, where another speaks, or when it is full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from surtitle.captions.caption import Caption
from surtitle.captions.layout import Box, best_break, fitting
from surtitle.captions.units import breakable, joined, sentence_ends
from surtitle.core.words import TOGETHER, Hypothesis, Word

_SLACK = 4  # words that a caption may give up to end between phrases


class Segmenter:
    """Makes one source's captions.

    At most two captions are open: the one being filled, and one for tentative words that no longer
    fit into it. A committed word never moves from the caption in which it was shown.
    """

    def __init__(self, source: str, new_id: Callable[[], str], box: Box = Box()) -> None:
        self._source = source
        self._new_id = new_id
        self._box = box
        self._taken = 0  # committed words of the utterance that were seen
        self._words: list[Word] = []  # committed words of the open caption
        self._shown = 0  # how many of them somebody has seen in it
        self._open: list[Caption] = []

    def update(self, hypothesis: Hypothesis, language: str, *, endpoint: bool) -> list[Caption]:
        """The captions that changed, in order of time."""
        self._words += hypothesis.committed[self._taken :]
        self._taken = 0 if endpoint else len(hypothesis.committed)
        tentative = () if endpoint else hypothesis.tentative
        changed = self._take_back((*self._words, *tentative), 0)
        while (count := self._closing(tentative, language, endpoint)) > 0:
            changed += self._show(self._words[:count], (), language, final=True)
            self._words = self._words[count:]
            self._shown = 0
            changed += self._take_back((*self._words, *tentative), 0)
        everything = (*self._words, *tentative)
        count = self._break(everything[: self._turn(everything)]) if everything else 0
        committed = len(self._words)
        changed += self._show(everything[:committed], everything[committed:count], language)
        rest = everything[count:]
        if rest or len(self._open) > 1:
            changed += self._take_back(rest, 1)
            room = min(fitting(rest, self._box), one_voice(rest, None))
            changed += self._show((), rest[:room], language, place=1)
        self._shown = committed
        return changed

    def _closing(self, tentative: Sequence[Word], language: str, endpoint: bool) -> int:
        """How many committed words the open caption ends with; 0 when it does not end yet.

        Where the next word decides whether a sentence ends ("U.S."), that has to be committed.
        """
        everything = (*self._words, *tentative)
        turn = self._turn(everything)
        fits = fitting(self._words[:turn], self._box)
        for count in range(max(1, self._shown), fits + 1):
            if breakable(everything, count) and sentence_ends(self._words, count, language):
                return count
        if fitting(everything[:turn], self._box) < turn:
            count = self._break(everything[:turn])
            return count if count <= len(self._words) else 0
        if turn < len(self._words):
            return turn
        return len(self._words) if endpoint else 0

    def _turn(self, words: Sequence[Word]) -> int:
        """How many of the words of the open caption's speaker come before somebody else's."""
        return one_voice(words, self._open[0].speaker if self._open else None)

    def _take_back(self, words: Sequence[Word], place: int) -> list[Caption]:
        """An open caption in which nothing is committed, and which names somebody who does not say ``words``, goes."""
        if len(self._open) <= place or (place == 0 and self._shown):
            return []
        caption = self._open[place]
        if not words or one_voice(words, caption.speaker) > 0:
            return []
        del self._open[place]
        return [replace(caption, rev=caption.rev + 1, words=(), tentative=())] if caption.tentative else []

    def _break(self, words: Sequence[Word]) -> int:
        """Where the open caption ends when it is to show the first of ``words``."""
        most = max(fitting(words, self._box), self._shown)
        while not breakable(words, most):
            most += 1  # a word that was shown grew, and stays whole
        if most == len(words):
            return most
        return best_break(words, min(most, max(1, self._shown, most - _SLACK)), most)

    def _show(
        self, words: Sequence[Word], tentative: Sequence[Word], language: str, *, final: bool = False, place: int = 0
    ) -> list[Caption]:
        """Put words into an open caption; the new revision, if it says anything new."""
        if len(self._open) <= place:
            if not words and not tentative:
                return []
            self._open.append(Caption(self._new_id(), 0, self._source, language))
        before = self._open[place]
        speaker = before.speaker or next((word.speaker for word in (*words, *tentative) if word.speaker), None)
        after = Caption(
            before.id, before.rev + 1, self._source, language, tuple(words), tuple(tentative), final, speaker
        )
        same = (before.words, before.tentative, before.speaker) == (after.words, after.tentative, after.speaker)
        if final:
            del self._open[place]
        elif same:
            return []
        else:
            self._open[place] = after
        return [after]


def one_voice(words: Sequence[Word], speaker: str | None) -> int:
    """How many of the first words are said by ``speaker``, or by the first who is known.

    Words of which that is not known belong to whoever speaks, and so does a single word during which
    somebody else speaks too. A word that came in pieces is said by the speaker of the first.
    """
    before = None
    for count, word in enumerate(words):
        if count and joined(words[count - 1], word):
            continue
        if word.speaker is not None and word.speaker != speaker:
            if speaker is None:
                speaker = word.speaker
            elif word.speaker == before or not _joins(word.speaker, speaker):
                return count
        before = word.speaker
    return len(words)


def _joins(speakers: str, speaker: str) -> bool:
    """Whether others speak at the same time."""
    return set(speaker.split(TOGETHER)) < set(speakers.split(TOGETHER))
