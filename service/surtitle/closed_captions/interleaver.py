"""What was committed in a channel, as one text: several sources take turns in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from surtitle.captions.caption import Caption
from surtitle.core.words import Word

_YIELD = 1.5  # seconds without a word after which a source gives way to another
_KEPT = 2000  # captions whose words are known
_ALL = 1 << 30  # words: a caption that was final has been said, and what comes of it later is a correction


@dataclass(frozen=True, slots=True)
class InterleavedWord:
    """A committed word; ``turn``: somebody else says it than the one before."""

    word: Word
    source: str
    turn: bool


@dataclass(slots=True)
class _Part:
    """One caption's words that have not been taken."""

    speaker: tuple[str, str | None]
    words: deque[Word] = field(default_factory=deque)
    final: bool = False


class SourceInterleaver:
    """Revisions of captions in, each committed word out once.

    A source keeps the turn until its caption is final, or nothing came for a moment: words of two
    people are never mixed within a caption. ``language`` leaves out what is in another one.
    """

    def __init__(self, language: str | None = None) -> None:
        self.other: str | None = None  # the language of the newest caption, if it was left out
        self._language = language
        self._known: dict[str, int] = {}  # committed words seen, by caption id
        self._parts: dict[str, _Part] = {}
        self._speaker: tuple[str, str | None] | None = None
        self._said: tuple[str, str | None] | None = None
        self._when = 0.0

    def skip(self, captions: Iterable[Caption]) -> None:
        """These were there before: only what they gain is new."""
        for caption in captions:
            self._know(caption)

    def put(self, caption: Caption, now: float) -> None:
        """A revision of a caption, at ``now`` seconds."""
        new = caption.words[self._known.pop(caption.id, 0) :]
        self._know(caption)
        while len(self._known) > _KEPT:
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

    def _know(self, caption: Caption) -> None:
        self._known[caption.id] = _ALL if caption.final else len(caption.words)

    def forget(self) -> None:
        """The channel was cleared: what waits for its turn is not shown any more."""
        self._parts.clear()

    def take(self, now: float) -> list[InterleavedWord]:
        """The words that are to be shown next, in order."""
        spoken: list[InterleavedWord] = []
        while True:
            for key, part in list(self._parts.items()):
                if part.speaker == self._speaker:
                    while part.words:
                        turn = _others(self._said, part.speaker)
                        spoken.append(InterleavedWord(part.words.popleft(), part.speaker[0], turn))
                        if turn or self._said is None or part.speaker[1] is not None:
                            self._said = part.speaker
                if part.final and not part.words:
                    del self._parts[key]
            waiting = next((part.speaker for part in self._parts.values() if part.words), None)
            holds = any(part.speaker == self._speaker and not part.final for part in self._parts.values())
            if waiting is None or (holds and now - self._when < _YIELD):
                return spoken
            self._speaker, self._when = waiting, now


def _others(before: tuple[str, str | None] | None, now: tuple[str, str | None]) -> bool:
    """Whether it is somebody else; one source's speakers may not be known yet."""
    if before is None or before == now:
        return False
    return before[0] != now[0] or None not in (before[1], now[1])
