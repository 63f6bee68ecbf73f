"""Groups the captions of a sentence, which are translated from their audio together. Pure."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from surtitle.captions.caption import Caption
from surtitle.captions.units import ends_sentence_at
from surtitle.captions.wording import split_words
from surtitle.core.words import Word
from surtitle.text.punctuation import PAUSES

PAUSE = 1.5  # seconds of silence that end a sentence
_COMMA_LENGTH = 12.0  # seconds after which a sentence is cut at a comma
_MAX_LENGTH = 24.0  # seconds after which it is cut wherever a caption ends
_MAX_WAIT = 1.5  # seconds within which a sentence cut by a caption must continue
_MAX_WAIT_OPEN = 10.0  # the same while the next caption is open
_PADDING_BEFORE = 0.5  # seconds of audio before the words, whose times are not exact: first words often begin early
_PADDING_AFTER = 0.3  # seconds of audio after the words
_MAX_REMEMBERED = 200  # captions whose text is remembered in order to detect corrections


@dataclass(frozen=True, slots=True)
class Stretch:
    """The final captions of one sentence of a source, and the time of its audio in seconds on the channel's clock."""

    captions: tuple[Caption, ...]
    start: float
    end: float
    since: float  # when its last caption became final, in seconds on the caller's clock

    @property
    def language(self) -> str:
        return self.captions[0].language


@dataclass(slots=True)
class _Voice:
    """The unfinished sentence of one source."""

    waiting: list[Caption] = field(default_factory=list)
    since: float = 0.0
    ended_at: float | None = None  # the end of the sentence before
    following: float | None = None  # the start of the open caption

    @property
    def deadline(self) -> float:
        """Until when the sentence may continue."""
        return self.since + (_MAX_WAIT if self.following is None else _MAX_WAIT_OPEN)


class Stretches:
    """Takes captions, and returns sentences, which end with a full stop, a pause, another speaker, or when too long."""

    def __init__(self) -> None:
        self._voices: dict[str, _Voice] = {}
        self._texts: OrderedDict[str, str] = OrderedDict()  # of captions that were final, by id

    def put(self, caption: Caption, now: float) -> list[Stretch]:
        """Add a revision of a caption. Returns the sentences that it completes."""
        voice = self._voices.setdefault(caption.source, _Voice())
        if not caption.full_text:
            voice.following = None
            return []
        if caption.final and caption.id in self._texts:
            return self._correct(caption, now)
        found = []
        waiting = voice.waiting
        if waiting and (_begins_sentence(waiting[-1], caption) or caption.end - waiting[0].start > _MAX_LENGTH):
            voice.following = caption.start
            found.append(self._close(voice))
        voice.following = None if caption.final else caption.start
        if caption.final:
            self._remember(caption)
            voice.waiting.append(caption)
            voice.since = now
            if _is_complete(voice.waiting):
                found.append(self._close(voice))
        return found

    def deadline(self) -> float:
        """The time after which `release` returns a sentence if nothing is put in; infinity if there is none."""
        return min((voice.deadline for voice in self._voices.values() if voice.waiting), default=math.inf)

    def release(self, now: float) -> list[Stretch]:
        """Remove and return the sentences that have not continued in time."""
        return [self._close(voice) for voice in self._voices.values() if voice.waiting and now > voice.deadline]

    def has_open_sentence(self, source: str) -> bool:
        """Whether a sentence of that source is unfinished."""
        voice = self._voices.get(source)
        return voice is not None and (bool(voice.waiting) or voice.following is not None)

    def clear(self) -> None:
        self._voices.clear()

    def _correct(self, caption: Caption, now: float) -> list[Stretch]:
        """A final caption that comes again is translated alone if its text has changed."""
        before = self._texts[caption.id]
        self._remember(caption)
        if before == caption.text:
            return []
        voice = self._voices[caption.source]
        places = [place for place, one in enumerate(voice.waiting) if one.id == caption.id]
        if places:
            voice.waiting[places[0]] = caption
            return []
        return [Stretch((caption,), caption.start - _PADDING_BEFORE, caption.end + _PADDING_AFTER, now)]

    def _remember(self, caption: Caption) -> None:
        self._texts[caption.id] = caption.text
        while len(self._texts) > _MAX_REMEMBERED:
            self._texts.popitem(last=False)

    def _close(self, voice: _Voice) -> Stretch:
        captions, voice.waiting = tuple(voice.waiting), []
        first, last = captions[0].start, captions[-1].end
        start, end = first - _PADDING_BEFORE, last + _PADDING_AFTER
        if voice.ended_at is not None and voice.ended_at <= first:
            start = max(start, (voice.ended_at + first) / 2)
        if voice.following is not None and voice.following >= last:
            end = min(end, (last + voice.following) / 2)
        voice.ended_at = last
        return Stretch(captions, start, end, voice.since)


def distribute_words(text: str, captions: Sequence[Caption]) -> list[tuple[Word, ...]]:
    """The words of a sentence's translation, distributed over its captions in proportion to their original texts."""
    words = split_words(text)
    letters = sum(len(word.text) for word in words)
    whole = sum(len(caption.text) for caption in captions)
    found: list[tuple[Word, ...]] = []
    taken, place, said = 0.0, 0, 0
    for caption in captions:
        said += len(caption.text)
        wanted = letters * said / whole if whole else letters
        first = place
        while place < len(words) and (caption is captions[-1] or taken + len(words[place].text) / 2 <= wanted):
            taken += len(words[place].text)
            place += 1
        found.append(tuple(words[first:place]))
    return found


def _begins_sentence(before: Caption, after: Caption) -> bool:
    """Whether another sentence begins with ``after``."""
    ended = ends_sentence_at(before.words, len(before.words), before.language, after.full_text)
    other = (before.speaker, before.language) != (after.speaker, after.language)
    return ended or other or after.start - before.end > PAUSE


def _is_complete(captions: Sequence[Caption]) -> bool:
    """Whether the sentence ends with the last of ``captions``, whatever follows."""
    last = captions[-1]
    if ends_sentence_at(last.words, len(last.words), last.language):
        return True
    return last.end - captions[0].start > _COMMA_LENGTH and last.text[-1] in PAUSES
