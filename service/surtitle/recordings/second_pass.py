"""Captions of a second recognition, with the speakers of the first and what people wrote. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, groupby, pairwise

from surtitle.captions.caption import Caption
from surtitle.captions.sentences import build_captions
from surtitle.captions.units import units
from surtitle.core.words import Hypothesis, Word
from surtitle.vocabulary.substituter import PhraseRules, Substituter

_PAUSE = 1.0  # seconds of silence that end a caption
_NEAR = 2.0  # seconds from a word within which the first recognition tells who speaks


@dataclass(frozen=True, slots=True)
class CorrectedSpan:
    """What a person wrote instead of what was recognized from ``start`` to ``end``; perhaps nothing."""

    source: str
    start: float
    end: float
    words: tuple[Word, ...]


def second_pass(
    source: str,
    words: Iterable[Word],
    language: str,
    live: Sequence[Caption],
    fixed: Sequence[CorrectedSpan],
    rules: Sequence[PhraseRules],
    first_id: int = 1,
) -> list[Caption]:
    """One source's captions, from all its words by time, on the channel's clock.

    ``live`` are the captions of the first recognition, ``fixed`` what people corrected in them, ``rules``
    the channel's vocabulary. Ids are numbered from ``first_id``.
    """
    mine = [one for one in fixed if one.source == source]
    said = [word for word in _rewritten(words, rules) if not any(_inside(word, one) for one in mine)]
    said = sorted([*said, *(word for one in mine for word in one.words)], key=lambda word: word.start)
    voices = _Voices([caption for caption in live if caption.source == source])
    numbers = count(first_id)
    captions: list[Caption] = []
    spoken = ((voices.at(unit[0]), word) for unit in units(said) for word in unit)
    for speaker, part in groupby(spoken, key=lambda pair: pair[0]):
        divided = build_captions(source, [word for _, word in part], language, lambda: f"p{next(numbers)}")
        captions += [replace(caption, speaker=speaker) for caption in divided]
    return captions


class _Voices:
    """Who spoke when, by the first recognition."""

    def __init__(self, live: Sequence[Caption]) -> None:
        spoken = sorted((word.start, word.end, caption.speaker) for caption in live for word in caption.words)
        self._middles = [(start + end) / 2 for start, end, _ in spoken]
        self._speakers = [speaker for _, _, speaker in spoken]

    def at(self, word: Word) -> str | None:
        middle = (word.start + word.end) / 2
        place = bisect_left(self._middles, middle)
        near = [at for at in (place - 1, place) if 0 <= at < len(self._middles)]
        nearest = min(near, key=lambda at: abs(self._middles[at] - middle), default=None)
        if nearest is None or abs(self._middles[nearest] - middle) > _NEAR:
            return None
        return self._speakers[nearest]


def _rewritten(words: Iterable[Word], rules: Sequence[PhraseRules]) -> Iterator[Word]:
    for stretch in _stretches(list(words)):
        yield from Substituter().apply(Hypothesis(tuple(stretch)), rules, final=True).committed


def _stretches(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Words between two pauses."""
    open_ = list(words[:1])
    for before, word in pairwise(words):
        if word.start - before.end > _PAUSE:
            yield open_
            open_ = []
        open_.append(word)
    if open_:
        yield open_


def _inside(word: Word, one: CorrectedSpan) -> bool:
    return one.start <= (word.start + word.end) / 2 <= one.end
