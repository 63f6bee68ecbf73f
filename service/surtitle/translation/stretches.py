"""Which captions are translated from their sound together: the sentence that they are parts of. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from surtitle.captions.caption import Caption
from surtitle.captions.units import ends_sentence_at
from surtitle.core.words import Word
from surtitle.text.punctuation import PAUSES
from surtitle.translation.wording import words_of

PAUSE = 1.5  # seconds of silence that end a sentence
_LONG, _LONGEST = 12.0, 24.0  # seconds of a sentence after which it ends at a comma, or wherever a caption does
_HOLD = 1.5  # seconds in which a sentence has to go on that a caption cut
_HOLD_OPEN = 10.0  # the same while the next caption is being said
_BEFORE, _AFTER = (
    0.5,
    0.3,
)  # seconds of sound around the words, whose times are not exact: first words often begin early
_KNOWN = 200  # captions whose text is remembered, for corrections


@dataclass(frozen=True, slots=True)
class Stretch:
    """Final captions of one source and of one sentence; its sound in seconds on the channel's clock."""

    captions: tuple[Caption, ...]
    start: float
    end: float
    since: float  # when its last caption became final, in seconds on the caller's clock

    @property
    def language(self) -> str:
        return self.captions[0].language


@dataclass(slots=True)
class _Voice:
    """What one source is saying."""

    waiting: list[Caption] = field(default_factory=list)
    since: float = 0.0
    said_until: float | None = None  # the end of the sentence before
    following: float | None = None  # where the caption that is being said begins


class Stretches:
    """Captions in, sentences out. A full stop, a pause or another speaker ends a sentence, and so does its length."""

    def __init__(self) -> None:
        self._voices: dict[str, _Voice] = {}
        self._texts: OrderedDict[str, str] = OrderedDict()  # of captions that were final, by id

    def put(self, caption: Caption, now: float) -> list[Stretch]:
        """A revision of a caption; the sentences that are over with it."""
        voice = self._voices.setdefault(caption.source, _Voice())
        if not caption.full_text:
            voice.following = None
            return []
        if caption.final and caption.id in self._texts:
            return self._corrected(caption, now)
        found = []
        waiting = voice.waiting
        if waiting and (_apart(waiting[-1], caption) or caption.end - waiting[0].start > _LONGEST):
            voice.following = caption.start
            found.append(self._close(voice))
        voice.following = None if caption.final else caption.start
        if caption.final:
            self._remember(caption)
            voice.waiting.append(caption)
            voice.since = now
            if _ends(voice.waiting):
                found.append(self._close(voice))
        return found

    def release(self, now: float) -> list[Stretch]:
        """The sentences that do not go on."""
        return [
            self._close(voice)
            for voice in self._voices.values()
            if voice.waiting and now - voice.since > (_HOLD if voice.following is None else _HOLD_OPEN)
        ]

    def waits(self, source: str) -> bool:
        """Whether a sentence of that source is not over."""
        voice = self._voices.get(source)
        return voice is not None and (bool(voice.waiting) or voice.following is not None)

    def clear(self) -> None:
        self._voices.clear()

    def _corrected(self, caption: Caption, now: float) -> list[Stretch]:
        """A final caption that comes again is translated alone if its text is another one."""
        before = self._texts[caption.id]
        self._remember(caption)
        if before == caption.text:
            return []
        voice = self._voices[caption.source]
        places = [place for place, one in enumerate(voice.waiting) if one.id == caption.id]
        if places:
            voice.waiting[places[0]] = caption
            return []
        return [Stretch((caption,), caption.start - _BEFORE, caption.end + _AFTER, now)]

    def _remember(self, caption: Caption) -> None:
        self._texts[caption.id] = caption.text
        while len(self._texts) > _KNOWN:
            self._texts.popitem(last=False)

    def _close(self, voice: _Voice) -> Stretch:
        captions, voice.waiting = tuple(voice.waiting), []
        first, last = captions[0].start, captions[-1].end
        start, end = first - _BEFORE, last + _AFTER
        if voice.said_until is not None and voice.said_until <= first:
            start = max(start, (voice.said_until + first) / 2)
        if voice.following is not None and voice.following >= last:
            end = min(end, (last + voice.following) / 2)
        voice.said_until = last
        return Stretch(captions, start, end, voice.since)


def parts(text: str, captions: Sequence[Caption]) -> list[tuple[Word, ...]]:
    """The words of a sentence's translation, to each caption as many as its share of the original is."""
    words = words_of(text)
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


def _apart(before: Caption, after: Caption) -> bool:
    """Whether another sentence begins with ``after``."""
    ended = ends_sentence_at(before.words, len(before.words), before.language, after.full_text)
    other = (before.speaker, before.language) != (after.speaker, after.language)
    return ended or other or after.start - before.end > PAUSE


def _ends(captions: Sequence[Caption]) -> bool:
    """Whether the sentence is over with the last of ``captions``, whatever comes next."""
    last = captions[-1]
    if ends_sentence_at(last.words, len(last.words), last.language):
        return True
    return last.end - captions[0].start > _LONG and last.text[-1] in PAUSES
