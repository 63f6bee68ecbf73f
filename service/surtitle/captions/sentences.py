"""Divides complete recognized text into captions that end with sentences; long sentences are divided evenly. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from surtitle.captions.caption import Caption
from surtitle.captions.layout import Box, count_columns, count_fitting, score_break
from surtitle.captions.segmenter import count_same_speaker
from surtitle.captions.units import can_break, ends_sentence_at, units
from surtitle.core.words import Word, join

_PAUSE = 1.0  # seconds of silence that end a caption
_MIN_LENGTH = 1.0  # seconds; a shorter sentence shares its caption with the next one
_MAX_GAP = 0.5  # seconds between two sentences that may share a caption
_CAPTION_COST = 10.0  # cost of one more caption, in units of `score_break`
_UNEVEN_COST = 8.0  # cost of a caption that is empty, or has twice the average text
_SILENCE_SCORE = 6.0  # score of a second of silence at a break


def build_captions(
    source: str, words: Sequence[Word], language: str, new_id: Callable[[], str], box: Box = Box()
) -> list[Caption]:
    """The final captions for all words of a source, in order of time."""
    parts = [part for run in _join_brief(list(_sentences(words, language)), box) for part in _divide(run, box)]
    return [Caption(new_id(), 1, source, language, tuple(part), final=True, speaker=_speaker(part)) for part in parts]


def _speaker(words: Sequence[Word]) -> str | None:
    return next((word.speaker for word in words if word.speaker), None)


def _sentences(words: Sequence[Word], language: str) -> Iterator[Sequence[Word]]:
    """Runs of words by one speaker, up to the end of a sentence or a pause; words in pieces are not split."""
    while words:
        count = count_same_speaker(words, None)
        for place in range(1, count):
            paused = words[place].start - words[place - 1].end > _PAUSE and can_break(words, place)
            if paused or ends_sentence_at(words, place, language):
                count = place
                break
        yield words[:count]
        words = words[count:]


def _join_brief(sentences: list[Sequence[Word]], box: Box) -> Iterator[Sequence[Word]]:
    """The same sentences, with brief ones joined to what follows if both fit into one caption."""
    open_: list[Word] = []
    for sentence in sentences:
        both = [*open_, *sentence]
        if open_ and (
            open_[-1].end - open_[0].start >= _MIN_LENGTH
            or sentence[0].start - open_[-1].end > _MAX_GAP
            or count_same_speaker(both, None) < len(both)
            or count_fitting(both, box) < len(both)
        ):
            yield open_
            open_ = []
        open_ += sentence
    if open_:
        yield open_


def _divide(words: Sequence[Word], box: Box) -> list[Sequence[Word]]:
    """The words in captions: few, of even length, with breaks between phrases and in pauses (dynamic programming)."""
    if count_fitting(words, box) == len(words):
        return [words]
    average = count_columns(join(words)) / _count_captions(words, box)
    places = _places(words, box)
    best: list[tuple[float, int]] = [
        (0.0, 0)
    ]  # the cost up to each place, and the place at which its last caption begins
    for number, end in enumerate(places[1:], start=1):
        choices = []
        for first in range(number - 1, -1, -1):
            part = words[places[first] : end]
            if count_fitting(part, box) < len(part):
                break
            off = (count_columns(join(part)) - average) / average
            worth = 0.0
            if end < len(words):
                worth = score_break(words, end) + _SILENCE_SCORE * min(
                    _PAUSE, max(0.0, words[end].start - words[end - 1].end)
                )
            choices.append((best[first][0] + _CAPTION_COST + _UNEVEN_COST * off * off - worth, first))
        best.append(min(choices))
    parts = []
    number = len(places) - 1
    while number:
        first = best[number][1]
        parts.append(words[places[first] : places[number]])
        number = first
    return parts[::-1]


def _places(words: Sequence[Word], box: Box) -> list[int]:
    """The numbers of words after which a caption may end: not within a word in pieces, unless it fits no caption."""
    places = [0]
    for unit in units(words):
        whole = count_fitting(unit, box) == len(unit)
        places += [places[-1] + len(unit)] if whole else range(places[-1] + 1, places[-1] + len(unit) + 1)
    return places


def _count_captions(words: Sequence[Word], box: Box) -> int:
    count = 0
    while words:
        words = words[count_fitting(words, box) :]
        count += 1
    return count
