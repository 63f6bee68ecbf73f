"""Captions of words that are all known: they end with sentences, and long sentences are divided evenly. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from surtitle.captions.caption import Caption
from surtitle.captions.layout import Box, columns, fitting, merit
from surtitle.captions.segmenter import one_voice
from surtitle.captions.units import breakable, sentence_ends, units
from surtitle.core.words import Word, join

_PAUSE = 1.0  # seconds of silence that end a caption
_BRIEF = 1.0  # seconds; a sentence that is shorter shares its caption with the next one
_APART = 0.5  # seconds between two sentences that may share one
_EACH = 10.0  # cost of one more caption, in units of `merit`
_UNEVEN = 8.0  # cost of one that is empty, or has twice the text of its neighbours
_BREATH = 6.0  # worth of a second of silence at a break


def captions_of(
    source: str, words: Sequence[Word], language: str, new_id: Callable[[], str], box: Box = Box()
) -> list[Caption]:
    """Final captions of all words of a source, in order of time."""
    parts = [part for run in _shared(list(_sentences(words, language)), box) for part in _divided(run, box)]
    return [Caption(new_id(), 1, source, language, tuple(part), final=True, speaker=_speaker(part)) for part in parts]


def _speaker(words: Sequence[Word]) -> str | None:
    return next((word.speaker for word in words if word.speaker), None)


def _sentences(words: Sequence[Word], language: str) -> Iterator[Sequence[Word]]:
    """Words that one speaker says up to a sentence's end, or a pause; never a piece of a word."""
    while words:
        count = one_voice(words, None)
        for place in range(1, count):
            paused = words[place].start - words[place - 1].end > _PAUSE and breakable(words, place)
            if paused or sentence_ends(words, place, language):
                count = place
                break
        yield words[:count]
        words = words[count:]


def _shared(sentences: list[Sequence[Word]], box: Box) -> Iterator[Sequence[Word]]:
    """The same, brief ones joined with what follows where both fit into a caption."""
    open_: list[Word] = []
    for sentence in sentences:
        both = [*open_, *sentence]
        if open_ and (
            open_[-1].end - open_[0].start >= _BRIEF
            or sentence[0].start - open_[-1].end > _APART
            or one_voice(both, None) < len(both)
            or fitting(both, box) < len(both)
        ):
            yield open_
            open_ = []
        open_ += sentence
    if open_:
        yield open_


def _divided(words: Sequence[Word], box: Box) -> list[Sequence[Word]]:
    """As few captions as hold the words, of even length, that break between phrases and where the speaker breathes."""
    if fitting(words, box) == len(words):
        return [words]
    evenly = columns(join(words)) / _fewest(words, box)
    places = _places(words, box)
    best: list[tuple[float, int]] = [(0.0, 0)]  # the cost up to a place, and at which one the last caption begins
    for number, end in enumerate(places[1:], start=1):
        choices = []
        for first in range(number - 1, -1, -1):
            part = words[places[first] : end]
            if fitting(part, box) < len(part):
                break
            off = (columns(join(part)) - evenly) / evenly
            worth = 0.0
            if end < len(words):
                worth = merit(words, end) + _BREATH * min(_PAUSE, max(0.0, words[end].start - words[end - 1].end))
            choices.append((best[first][0] + _EACH + _UNEVEN * off * off - worth, first))
        best.append(min(choices))
    parts = []
    number = len(places) - 1
    while number:
        first = best[number][1]
        parts.append(words[places[first] : places[number]])
        number = first
    return parts[::-1]


def _places(words: Sequence[Word], box: Box) -> list[int]:
    """After how many words a caption may begin or end: not between the pieces of a word, unless no caption holds it."""
    places = [0]
    for unit in units(words):
        whole = fitting(unit, box) == len(unit)
        places += [places[-1] + len(unit)] if whole else range(places[-1] + 1, places[-1] + len(unit) + 1)
    return places


def _fewest(words: Sequence[Word], box: Box) -> int:
    count = 0
    while words:
        words = words[fitting(words, box) :]
        count += 1
    return count
