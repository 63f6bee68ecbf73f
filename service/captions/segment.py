"""Words into captions: a caption ends at an endpoint, at a sentence's end, or when it is full."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from service.captions.caption import Caption
from service.captions.layout import Box, best_break, fitting
from service.speech.words import Hypothesis, Word

_SENTENCE_END = re.compile(r"[.!?…。！？]['\"”’»)\]]*$")
# Not the end of a sentence: initials ("J."), and the abbreviations that speech recognizers write.
_ABBREVIATION = re.compile(r"^(?:\w|mr|mrs|ms|dr|prof|st|vs|jr|sr|etc|e\.g|i\.e|a\.m|p\.m)\.$", re.IGNORECASE)

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
        changed: list[Caption] = []
        while (count := self._closing(tentative, endpoint)) > 0:
            changed += self._show(self._words[:count], (), language, final=True)
            self._words = self._words[count:]
            self._shown = 0
        everything = (*self._words, *tentative)
        count = self._break(everything) if everything else 0
        committed = len(self._words)
        changed += self._show(everything[:committed], everything[committed:count], language)
        rest = everything[count:]
        if rest or len(self._open) > 1:
            changed += self._show((), rest[: fitting(rest, self._box)], language, place=1)
        self._shown = committed
        return changed

    def _closing(self, tentative: Sequence[Word], endpoint: bool) -> int:
        """How many committed words the open caption ends with; 0 when it does not end yet."""
        fits = fitting(self._words, self._box)
        for count, word in enumerate(self._words[:fits], start=1):
            if count > self._shown and ends_sentence(word):
                return count
        everything = (*self._words, *tentative)
        if fitting(everything, self._box) < len(everything):
            count = self._break(everything)
            return count if count <= len(self._words) else 0
        return len(self._words) if endpoint else 0

    def _break(self, words: Sequence[Word]) -> int:
        """Where the open caption ends when it is to show the first of ``words``."""
        most = fitting(words, self._box)
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
        after = Caption(
            before.id, before.rev + 1, self._source, language, tuple(words), tuple(tentative), final, before.speaker
        )
        same = (before.words, before.tentative) == (after.words, after.tentative)
        if final:
            del self._open[place]
        elif same:
            return []
        else:
            self._open[place] = after
        return [after]


def ends_sentence(word: Word) -> bool:
    """Whether a sentence ends with this word."""
    return bool(_SENTENCE_END.search(word.text)) and not _ABBREVIATION.match(word.text)
