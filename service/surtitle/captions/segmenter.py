"""Divides live words into captions, which end at an endpoint, a sentence's end, a new speaker, or when full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from surtitle.captions.caption import Caption
from surtitle.captions.layout import Box, count_fitting, find_break
from surtitle.captions.units import are_joined, can_break, ends_sentence_at
from surtitle.core.words import TOGETHER, Hypothesis, Word

_SLACK = 4  # words that a caption may leave to the next one in order to end between phrases


class Segmenter:
    """Produces the captions of one source.

    At max_count two captions are open: the one being filled, and one for tentative words that do not
    fit into it. A committed word never leaves the caption in which it was shown.
    """

    def __init__(self, source: str, new_id: Callable[[], str], box: Box = Box()) -> None:
        self._source = source
        self._new_id = new_id
        self._box = box
        self._taken = 0  # committed words of the utterance already processed
        self._words: list[Word] = []  # committed words of the open caption
        self._shown = 0  # the number of them already published in it
        self._open: list[Caption] = []

    def update(self, hypothesis: Hypothesis, language: str, *, endpoint: bool) -> list[Caption]:
        """Take the newest hypothesis. Returns the captions that changed, in order of time."""
        self._words += hypothesis.committed[self._taken :]
        self._taken = 0 if endpoint else len(hypothesis.committed)
        tentative = () if endpoint else hypothesis.tentative
        changed = self._withdraw((*self._words, *tentative), 0)
        while (count := self._count_closing(tentative, language, endpoint)) > 0:
            changed += self._show(self._words[:count], (), language, final=True)
            self._words = self._words[count:]
            self._shown = 0
            changed += self._withdraw((*self._words, *tentative), 0)
        everything = (*self._words, *tentative)
        count = self._find_break(everything[: self._count_until_turn(everything)]) if everything else 0
        committed = len(self._words)
        changed += self._show(everything[:committed], everything[committed:count], language)
        rest = everything[count:]
        if rest or len(self._open) > 1:
            changed += self._withdraw(rest, 1)
            fitting = min(count_fitting(rest, self._box), count_same_speaker(rest, None))
            changed += self._show((), rest[:fitting], language, index=1)
        self._shown = committed
        return changed

    def _count_closing(self, tentative: Sequence[Word], language: str, endpoint: bool) -> int:
        """The number of committed words with which the open caption ends; 0 if it does not end yet.

        Where the next word decides whether a sentence ends ("U.S."), that word must be committed, too.
        """
        everything = (*self._words, *tentative)
        turn = self._count_until_turn(everything)
        fits = count_fitting(self._words[:turn], self._box)
        for count in range(max(1, self._shown), fits + 1):
            if can_break(everything, count) and ends_sentence_at(self._words, count, language):
                return count
        if count_fitting(everything[:turn], self._box) < turn:
            count = self._find_break(everything[:turn])
            return count if count <= len(self._words) else 0
        if turn < len(self._words):
            return turn
        return len(self._words) if endpoint else 0

    def _count_until_turn(self, words: Sequence[Word]) -> int:
        """The number of words before the speaker changes."""
        return count_same_speaker(words, self._open[0].speaker if self._open else None)

    def _withdraw(self, words: Sequence[Word], index: int) -> list[Caption]:
        """Withdraw an open caption without committed words if its speaker turns out not to say ``words``."""
        if len(self._open) <= index or (index == 0 and self._shown):
            return []
        caption = self._open[index]
        if not words or count_same_speaker(words, caption.speaker) > 0:
            return []
        del self._open[index]
        return [replace(caption, rev=caption.rev + 1, words=(), tentative=())] if caption.tentative else []

    def _find_break(self, words: Sequence[Word]) -> int:
        """The number of ``words`` after which the open caption ends."""
        max_count = max(count_fitting(words, self._box), self._shown)
        while not can_break(words, max_count):
            max_count += 1  # a published word has become longer, and stays whole
        if max_count == len(words):
            return max_count
        return find_break(words, min(max_count, max(1, self._shown, max_count - _SLACK)), max_count)

    def _show(
        self, words: Sequence[Word], tentative: Sequence[Word], language: str, *, final: bool = False, index: int = 0
    ) -> list[Caption]:
        """Put words into an open caption. Returns its new revision if it differs from the last.

        A caption keeps its language once its first words are committed: what follows may be in another one.
        """
        if len(self._open) <= index:
            if not words and not tentative:
                return []
            self._open.append(Caption(self._new_id(), 0, self._source, language))
        before = self._open[index]
        shown = (*before.words, *before.tentative)
        if shown and words and shown[0].text == words[0].text:
            language = before.language
        speaker = before.speaker or next((word.speaker for word in (*words, *tentative) if word.speaker), None)
        after = Caption(
            before.id, before.rev + 1, self._source, language, tuple(words), tuple(tentative), final, speaker
        )
        same = (before.words, before.tentative, before.speaker) == (after.words, after.tentative, after.speaker)
        if final:
            del self._open[index]
        elif same:
            return []
        else:
            self._open[index] = after
        return [after]


def count_same_speaker(words: Sequence[Word], speaker: str | None) -> int:
    """The number of words, from the first, said by ``speaker``, or by the first known speaker if that is None.

    Words without a known speaker belong to the current one, and so does a single word during which another person
    speaks, too. A word in pieces belongs to the speaker of its first piece.
    """
    before = None
    for count, word in enumerate(words):
        if count and are_joined(words[count - 1], word):
            continue
        if word.speaker is not None and word.speaker != speaker:
            if speaker is None:
                speaker = word.speaker
            elif word.speaker == before or not _includes(word.speaker, speaker):
                return count
        before = word.speaker
    return len(words)


def _includes(speakers: str, speaker: str) -> bool:
    """Whether ``speakers`` are ``speaker`` and others at the same time."""
    return set(speaker.split(TOGETHER)) < set(speakers.split(TOGETHER))
