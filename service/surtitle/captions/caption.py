"""The caption, which is what readers see and the store keeps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, repeat

import msgspec

from surtitle.core.words import Word, join


@dataclass(frozen=True, slots=True)
class Caption:
    """One revision of one caption; times are in seconds on the channel's clock.

    ``words`` are committed, ``tentative`` words may still change. A caption without text is withdrawn: its words
    turned out not to have been spoken.
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
        """The name to show to people: the speaker's, or else the source's."""
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
        """The text after `text`, with the space between them."""
        return self.full_text[len(self.text) :]

    @property
    def start(self) -> float:
        return (*self.words, *self.tentative)[0].start if self.words or self.tentative else 0.0

    @property
    def end(self) -> float:
        return (*self.words, *self.tentative)[-1].end if self.words or self.tentative else 0.0


def pack_caption(caption: Caption) -> bytes:
    """The committed words of a caption as bytes, with times to the millisecond.

    They take a fifth of the memory, because thousands of captions are kept.
    """
    words: list[str | int | bool] = []
    speakers: list[str | None] = []
    counts: list[int] = []  # the number of words of each of them
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


def unpack_caption(name: str, data: bytes, *, final: bool = True) -> Caption:
    """The caption with the id ``name``, from the bytes that `pack_caption` returned."""
    rev, source, language, speaker, flat, *runs = msgspec.msgpack.decode(data)
    speakers = chain.from_iterable(map(repeat, *runs)) if runs else repeat(None)
    words = []
    start = 0
    columns = (flat[field::5] for field in range(5))
    for (text, after, length, probability, spaced), who in zip(zip(*columns, strict=True), speakers, strict=False):
        start += after
        words.append(Word(text, start / 1000, (start + length) / 1000, probability / 1000, spaced, who))
    return Caption(name, rev, source, language, tuple(words), (), final, speaker)
