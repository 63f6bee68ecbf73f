"""A channel's committed words on their way into closed captions."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

from surtitle.captions.cea608 import describe_refusal, find_foreign_script
from surtitle.channels.channel import Channel
from surtitle.channels.track import Track
from surtitle.closed_captions.interleaver import SourceInterleaver
from surtitle.closed_captions.rollup import RollUp, Screen

_POLL_INTERVAL = 0.25  # seconds between two looks when nothing is published: turns pass by themselves
_JUDGED = 12  # words by which a script is told


class Captioner:
    """One consumer's closed captions: `follow` fills it in the loop, `next` and `shown` are for any thread.

    ``delay`` is what a person asked for, in seconds. ``picture`` is by how much the viewers' picture
    is late: a word then appears when it is spoken there, as far as it was recognized in time.
    ``position`` gives how far a source has come on the channel's clock, in seconds. ``track`` is what is sent, the
    original unless told otherwise, and ``untranslated`` says why it holds nothing.
    """

    def __init__(
        self,
        channel: Channel,
        position: Callable[[str], float | None],
        language: str | None = None,
        delay: float = 0.0,
        track: Track | None = None,
        untranslated: Callable[[], str] = str,
    ) -> None:
        self.picture = 0.0
        self.text = ""  # what viewers see
        self.sent = 0
        self._channel = channel
        self._track = track or channel.original
        self._untranslated = untranslated
        self._position = position
        self._delay = delay
        self._language = language.lower().split("-")[0] if language else None
        self._turns = SourceInterleaver(self._language)
        self._refusal = ""
        self._letters: deque[str] = deque(maxlen=_JUDGED)
        self._roll = RollUp()
        self._lock = threading.Lock()

    @property
    def refusal(self) -> str:
        """Why what is said now cannot be sent, in one sentence; empty if it can."""
        if untranslated := self._untranslated():
            return untranslated
        if self._turns.other is not None:
            return (
                f"What is said is in {self._turns.other!r}: closed captions in {self._language!r} need a translation, "
                "or leave their language empty to send what is spoken."
            )
        return self._refusal

    @property
    def skipped(self) -> int:
        """Words that could not be shown in time."""
        return self._roll.skipped

    async def follow(self) -> None:
        """Take what is committed from now on, until cancelled."""
        track = self._track
        place = track.feed.last
        self._turns.skip(track.visible())
        while True:
            await track.feed.wait(place, _POLL_INTERVAL)
            now = time.monotonic()
            for event in track.feed.since(place):
                place = event.number
                if event.name == "clear":
                    self._turns.forget()
                elif event.name == "caption":
                    caption = track.caption(msgspec.json.decode(event.data, type=_Named).id)
                    if caption is not None:
                        self._turns.put(caption, now)
            self._take(now)

    def next(self) -> Screen | None:
        """What to show now, if it is something new."""
        with self._lock:
            return self._roll.next(time.monotonic())

    def shown(self, screen: Screen) -> None:
        """It is on the viewers' screens; until it is said so, `next` gives it again."""
        with self._lock:
            self._roll.show(screen, time.monotonic())
        self.text = screen.text
        self.sent += 1

    def reset(self) -> None:
        """Nobody sees anything, and what waits is not to be shown."""
        with self._lock:
            self._roll.reset()
        self.text = ""

    def _take(self, now: float) -> None:
        for spoken in self._turns.take(now):
            self._letters.append(spoken.word.text)
            script = find_foreign_script("".join(self._letters))
            self._refusal = describe_refusal(script) if script else ""
            if script:
                continue
            at = self._position(spoken.source)
            age = max(0.0, (self._channel.clock() if at is None else at) - spoken.word.end)
            due = now + max(0.0, self.picture - age) + self._delay
            with self._lock:
                self._roll.add(spoken.word.text, due, spaced=spoken.word.spaced, turn=spoken.turn)


class _Named(msgspec.Struct):
    id: str
