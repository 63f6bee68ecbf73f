"""Captions from the second pass's words, with the speakers of the live captions and manual corrections. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, groupby, pairwise
from math import inf
from typing import Generic, TypeVar

from surtitle.captions.caption import Caption
from surtitle.captions.sentences import build_captions
from surtitle.captions.units import units
from surtitle.core.words import Hypothesis, Word
from surtitle.vocabulary.substituter import PhraseRules, Substituter

_MIN_PAUSE = 1.0  # seconds of silence that end a caption
_MAX_DISTANCE = 2.0  # seconds between a word and the nearest live word whose speaker it takes over

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CorrectedSpan:
    """The words that a person wrote for the time from ``start`` to ``end`` (seconds); none if they were deleted."""

    source: str
    start: float
    end: float
    words: tuple[Word, ...]


def build_second_captions(
    source: str,
    words: Sequence[tuple[str, Word]],
    language: str,
    live: Sequence[Caption],
    corrections: Sequence[CorrectedSpan],
    rules: Sequence[PhraseRules],
    first_id: int = 1,
) -> list[Caption]:
    """The captions of one source, from all its words with their languages, in order of time on the channel's clock.

    ``language`` is that of corrections if no words were recognized. ``live`` are the live captions, ``corrections``
    what people corrected in them, ``rules`` the channel's vocabulary. Ids are numbered from ``first_id``.
    """
    mine = [span for span in corrections if span.source == source]
    kept = [
        word
        for word in _apply_rules([word for _, word in words], rules)
        if not any(_is_inside(word, span) for span in mine)
    ]
    merged = sorted([*kept, *(word for span in mine for word in span.words)], key=lambda word: word.start)
    speakers = _Nearest([(word, one.speaker) for one in live if one.source == source for word in one.words])
    languages = _Nearest([(word, spoken) for spoken, word in words])
    numbers = count(first_id)
    captions: list[Caption] = []
    attributed = (
        ((speakers.find(unit[0], _MAX_DISTANCE), languages.find(unit[0]) or language), word)
        for unit in units(merged)
        for word in unit
    )
    for (speaker, spoken), part in groupby(attributed, key=lambda pair: pair[0]):
        divided = build_captions(source, [word for _, word in part], spoken, lambda: f"p{next(numbers)}")
        captions += [replace(caption, speaker=speaker) for caption in divided]
    return captions


class _Nearest(Generic[T]):
    """What is known of words, by their times: speakers or languages."""

    def __init__(self, known: Iterable[tuple[Word, T]]) -> None:
        found = sorted(((_middle(word), value) for word, value in known), key=lambda pair: pair[0])
        self._middles = [middle for middle, _ in found]
        self._values = [value for _, value in found]

    def find(self, word: Word, max_distance: float = inf) -> T | None:
        """What is known of the word nearest in time, or None if there is none within ``max_distance`` seconds."""
        middle = _middle(word)
        index = bisect_left(self._middles, middle)
        near = [at for at in (index - 1, index) if 0 <= at < len(self._middles)]
        nearest = min(near, key=lambda at: abs(self._middles[at] - middle), default=None)
        if nearest is None or abs(self._middles[nearest] - middle) > max_distance:
            return None
        return self._values[nearest]


def _apply_rules(words: Iterable[Word], rules: Sequence[PhraseRules]) -> Iterator[Word]:
    """The words after the vocabulary's substitutions, which never reach across a pause."""
    for utterance in _split_at_pauses(list(words)):
        yield from Substituter().apply(Hypothesis(tuple(utterance)), rules, final=True).committed


def _split_at_pauses(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Groups of words between two pauses."""
    utterance = list(words[:1])
    for before, word in pairwise(words):
        if word.start - before.end > _MIN_PAUSE:
            yield utterance
            utterance = []
        utterance.append(word)
    if utterance:
        yield utterance


def _is_inside(word: Word, span: CorrectedSpan) -> bool:
    return span.start <= _middle(word) <= span.end


def _middle(word: Word) -> float:
    return (word.start + word.end) / 2
