"""The caption: what is displayed and stored."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, repeat

import msgspec

from surtitle.core.words import Word, join


@dataclass(frozen=True, slots=True)
class Caption:
    """One revision of one caption; times in seconds on the channel's clock.

    ``words`` are committed, ``tentative`` may still change. A caption that is not final and has no
    text shows nothing: its words turned out not to be there.
    """

    id: str
    rev: int
    source: str
    language: str
    words: tuple[Word, ...] = ()
    tentative: tuple[Word, ...] = ()
    final: bool = False
    speaker: str | None = None

    @property
    def voice(self) -> str:
        """Who is heard, for people: the speaker, or else the source."""
        return self.speaker or self.source

    @property
    def text(self) -> str:
        """The committed text."""
        return join(self.words)

    @property
    def full_text(self) -> str:
        """Committed and tentative text; begins with `text`."""
        return join((*self.words, *self.tentative))

    @property
    def tentative_text(self) -> str:
        """What follows `text`, with the space between them."""
        return self.full_text[len(self.text) :]

    @property
    def start(self) -> float:
        return (*self.words, *self.tentative)[0].start if self.words or self.tentative else 0.0

    @property
    def end(self) -> float:
        return (*self.words, *self.tentative)[-1].end if self.words or self.tentative else 0.0


def packed(caption: Caption) -> bytes:
    """A fifth of the memory, for captions that are kept by the thousand: the committed words, to the millisecond."""
    words: list[str | int | bool] = []
    speakers: list[str | None] = []
    counts: list[int] = []  # how many words each of them says
    before = 0
    for word in caption.words:
        start, end = round(word.start * 1000), round(word.end * 1000)
        words += (word.text, start - before, end - start, round(word.probability * 1000), word.spaced)
        before = start
        if not speakers or word.speaker != speakers[-1]:
            speakers.append(word.speaker)
            counts.append(0)
        counts[-1] += 1
    head = (caption.rev, caption.source, caption.language, caption.speaker, words)
    return msgspec.msgpack.encode(head if speakers == [None] else (*head, speakers, counts))


def unpacked(name: str, data: bytes, *, final: bool = True) -> Caption:
    """The caption of that id, of which `packed` made ``data``."""
    rev, source, language, speaker, flat, *said = msgspec.msgpack.decode(data)
    speakers = chain.from_iterable(map(repeat, *said)) if said else repeat(None)
    words = []
    start = 0
    columns = (flat[field::5] for field in range(5))
    for (text, after, length, probability, spaced), who in zip(zip(*columns, strict=True), speakers, strict=False):
        start += after
        words.append(Word(text, start / 1000, (start + length) / 1000, probability / 1000, spaced, who))
    return Caption(name, rev, source, language, tuple(words), (), final, speaker)
