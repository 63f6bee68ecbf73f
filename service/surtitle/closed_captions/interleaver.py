"""Joins the committed words of a channel's sources into one text, in which the sources take turns."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from surtitle.captions.caption import Caption
from surtitle.core.words import Word

_TURN_TIMEOUT = 1.5  # seconds without a word after which another source gets the turn
_MAX_KNOWN = 2000  # captions whose committed words are remembered
_ALL = 1 << 30  # words: those of a final caption have all been sent, and later revisions are corrections


@dataclass(frozen=True, slots=True)
class InterleavedWord:
    """A committed word; ``turn`` says whether its speaker differs from that of the word before."""

    word: Word
    source: str
    turn: bool


@dataclass(slots=True)
class _Part:
    """The words of one caption that have not been taken yet."""

    speaker: tuple[str, str | None]
    words: deque[Word] = field(default_factory=deque)
    final: bool = False


class SourceInterleaver:
    """Takes revisions of captions, and returns each committed word once.

    A source keeps the turn until its caption is final or has had no new word for a moment, so words of two
    people are not mixed within a caption. Captions in other languages than ``language`` are left out.
    """

    def __init__(self, language: str | None = None) -> None:
        self.other: str | None = None  # the language of the newest caption, if it was left out
        self._language = language
        self._known: dict[str, int] = {}  # committed words seen, by caption id
        self._parts: dict[str, _Part] = {}
        self._speaker: tuple[str, str | None] | None = None
        self._last_speaker: tuple[str, str | None] | None = None
        self._when = 0.0

    def skip(self, captions: Iterable[Caption]) -> None:
        """Ignore the present words of these captions: only those added later are new."""
        for caption in captions:
            self._remember(caption)

    def put(self, caption: Caption, now: float) -> None:
        """Add a revision of a caption, at ``now`` seconds."""
        new = caption.words[self._known.pop(caption.id, 0) :]
        self._remember(caption)
        while len(self._known) > _MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self.other = None
        if self._language is not None and caption.language.split("-")[0] not in (self._language, "auto"):
            self.other = caption.language
            return
        speaker = (caption.source, caption.speaker)
        part = self._parts.setdefault(caption.id, _Part(speaker))
        part.speaker = speaker
        part.words.extend(new)
        part.final = caption.final
        if new and speaker == self._speaker:
            self._when = now

    def _remember(self, caption: Caption) -> None:
        self._known[caption.id] = _ALL if caption.final else len(caption.words)

    def forget(self) -> None:
        """Discard the words that wait for their turn, because the channel was cleared."""
        self._parts.clear()

    def due(self) -> float:
        """When `take` may return more although nothing was added; infinity if never."""
        waits = any(part.words for part in self._parts.values())
        return self._when + _TURN_TIMEOUT if waits else math.inf

    def take(self, now: float) -> list[InterleavedWord]:
        """Remove and return the words to show next, in order."""
        spoken: list[InterleavedWord] = []
        while True:
            for key, part in list(self._parts.items()):
                if part.speaker == self._speaker:
                    while part.words:
                        turn = is_other_speaker(self._last_speaker, part.speaker)
                        spoken.append(InterleavedWord(part.words.popleft(), part.speaker[0], turn))
                        if turn or self._last_speaker is None or part.speaker[1] is not None:
                            self._last_speaker = part.speaker
                if part.final and not part.words:
                    del self._parts[key]
            waiting = next((part.speaker for part in self._parts.values() if part.words), None)
            holds = any(part.speaker == self._speaker and not part.final for part in self._parts.values())
            if waiting is None or (holds and now - self._when < _TURN_TIMEOUT):
                return spoken
            self._speaker, self._when = waiting, now


def is_other_speaker(before: tuple[str, str | None] | None, now: tuple[str, str | None]) -> bool:
    """Whether the speaker differs; within one source, an unknown speaker does not count as another."""
    if before is None or before == now:
        return False
    return before[0] != now[0] or None not in (before[1], now[1])
