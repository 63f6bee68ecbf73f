"""Captions of words that are all known: they end with sentences, and long sentences are divided evenly. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from service.captions.caption import Caption
from service.captions.layout import Box, columns, fitting, merit
from service.captions.segment import ends_sentence, one_voice
from service.speech.words import Word, join

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
    parts = [part for run in _shared(list(_sentences(words)), box) for part in _divided(run, box)]
    return [Caption(new_id(), 1, source, language, tuple(part), final=True, speaker=_speaker(part)) for part in parts]


def _speaker(words: Sequence[Word]) -> str | None:
    return next((word.speaker for word in words if word.speaker), None)


def _sentences(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """Words that one speaker says up to a sentence's end, or a pause."""
    while words:
        count = one_voice(words, None)
        for place in range(1, count):
            if ends_sentence(words[place - 1]) or words[place].start - words[place - 1].end > _PAUSE:
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
    best: list[tuple[float, int]] = [(0.0, 0)]  # the cost of the first words, and where their last caption begins
    for end in range(1, len(words) + 1):
        choices = []
        for begin in range(end - 1, -1, -1):
            part = words[begin:end]
            if fitting(part, box) < len(part):
                break
            off = (columns(join(part)) - evenly) / evenly
            worth = 0.0
            if end < len(words):
                worth = merit(words, end) + _BREATH * min(_PAUSE, max(0.0, words[end].start - words[end - 1].end))
            choices.append((best[begin][0] + _EACH + _UNEVEN * off * off - worth, begin))
        best.append(min(choices))
    parts = []
    end = len(words)
    while end:
        begin = best[end][1]
        parts.append(words[begin:end])
        end = begin
    return parts[::-1]


def _fewest(words: Sequence[Word], box: Box) -> int:
    count = 0
    while words:
        words = words[fitting(words, box) :]
        count += 1
    return count
