"""The caption: what is displayed and stored."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import msgspec

from service.speech.words import Word, join


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
    """A fifth of the memory: for captions that are kept by the thousand."""
    return msgspec.msgpack.encode(astuple(caption))


def unpacked(data: bytes) -> Caption:
    """What `packed` packed."""
    name, rev, source, language, words, tentative, final, speaker = msgspec.msgpack.decode(data)
    said, guessed = (tuple(Word(*word) for word in part) for part in (words, tentative))
    return Caption(name, rev, source, language, said, guessed, final, speaker)
