"""The captions of a complete file, from its words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count, groupby

from surtitle.captions.caption import Caption
from surtitle.captions.sentences import build_captions
from surtitle.core.words import TOGETHER, Hypothesis, Word
from surtitle.speakers.timeline import Timeline
from surtitle.vocabulary.substituter import PhraseRules, Substituter

_MIN_PAUSE = 1.0  # seconds of silence across which no phrase of the vocabulary reaches


def build_file_captions(source: str, words: Iterable[tuple[str, Word]]) -> list[Caption]:
    """The captions for words that each come with their language, in order of time."""
    numbers = count(1)
    captions: list[Caption] = []
    for language, group in groupby(words, key=lambda pair: pair[0]):
        captions += build_captions(source, [word for _, word in group], language, lambda: f"c{next(numbers)}")
    return captions


def assign_speaker(word: Word, speakers: Timeline | None, label: Callable[[int], str]) -> Word:
    """The word with its speaker, if that is known."""
    if speakers is None:
        return word
    return replace(word, speaker=TOGETHER.join(map(label, speakers.who(word.start, word.end))) or None)


class WordRewriter:
    """Applies a vocabulary's rules to the words of a file as they come. Words that may begin a phrase come later."""

    def __init__(self, rules: Sequence[PhraseRules]) -> None:
        self._rules = rules
        self._substituter = Substituter()
        self._utterance: list[Word] = []
        self._returned = 0

    def add(self, words: Iterable[Word]) -> list[Word]:
        """The rewritten words that will not change any more."""
        written: list[Word] = []
        for word in words:
            if self._utterance and word.start - self._utterance[-1].end > _MIN_PAUSE:
                written += self.flush()
            self._utterance.append(word)
        return [*written, *self._apply(final=False)]

    def flush(self) -> list[Word]:
        """The rest, because nothing follows or a pause does."""
        written = list(self._apply(final=True))
        self._utterance, self._returned = [], 0
        return written

    def _apply(self, *, final: bool) -> Iterator[Word]:
        words = self._substituter.apply(Hypothesis(tuple(self._utterance)), self._rules, final=final).committed
        yield from words[self._returned :]
        self._returned = len(words)
