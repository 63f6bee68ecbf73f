"""Turns a channel's committed words into the screens of closed captions."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from surtitle.captions.cea608 import describe_refusal, find_foreign_script
from surtitle.channels.channel import Channel
from surtitle.channels.track import Track
from surtitle.closed_captions.interleaver import SourceInterleaver
from surtitle.closed_captions.rollup import RollUp, Screen

_IDLE_TIMEOUT = 60.0  # seconds to wait for an event before looking again, in any case
_SCRIPT_WORDS = 12  # words by which the script is determined


class Captioner:
    """The closed captions for one consumer, which calls `next` and `mark_shown` while `follow` runs.

    ``delay`` is the configured delay in seconds. ``picture`` is by how many seconds the viewers' picture is late: a
    word then appears when it is spoken in the picture, if it was recognized in time.
    ``position`` gives the position of a source on the channel's clock, in seconds. ``track`` is the track to send, by
    default the original, and ``untranslated`` returns the reason if the track is empty.
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
        self._interleaver = SourceInterleaver(self._language)
        self._refusal = ""
        self._letters: deque[str] = deque(maxlen=_SCRIPT_WORDS)
        self._rollup = RollUp()
        self._word_added = asyncio.Event()

    @property
    def refusal(self) -> str:
        """Why the current captions cannot be sent, in one sentence; empty if they can."""
        if untranslated := self._untranslated():
            return untranslated
        if self._interleaver.other is not None:
            return (
                f"The spoken language is {self._interleaver.other!r}: choose a translation for closed captions in "
                f"{self._language!r}, or leave their language empty to send the spoken one."
            )
        return self._refusal

    @property
    def skipped(self) -> int:
        """Words that could not be shown in time."""
        return self._rollup.skipped

    async def follow(self) -> None:
        """Queue the words committed from now on, until cancelled."""
        track = self._track
        sequence = track.feed.last
        self._interleaver.skip(track.visible())
        while True:
            turn_ends = self._interleaver.due() - time.monotonic()
            await track.feed.wait(sequence, min(_IDLE_TIMEOUT, turn_ends))
            now = time.monotonic()
            for event in track.feed.since(sequence):
                sequence = event.number
                if event.name == "clear":
                    self._interleaver.forget()
                elif event.caption is not None and event.caption.full_text:
                    self._interleaver.put(track.apply_names(event.caption), now)
            self._queue_words(now)
            self._channel.changes.notify()

    def next(self) -> Screen | None:
        """The screen to show now, if it is a new one."""
        return self._rollup.next(time.monotonic())

    async def wait(self, deadline: float) -> None:
        """Return when `next` may have a new screen, or when `time.monotonic` has reached ``deadline``."""
        self._word_added.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(self.due(), deadline) - time.monotonic()):
                await self._word_added.wait()

    def due(self) -> float:
        """When to call `next` again after it returned None, by `time.monotonic`, if the channel does not change."""
        return self._rollup.due(time.monotonic())

    def mark_shown(self, screen: Screen) -> None:
        """Note that viewers see ``screen``; until then `next` returns it again."""
        self._rollup.show(screen, time.monotonic())
        self.text = screen.text
        self.sent += 1
        self._channel.changes.notify()

    def reset(self) -> None:
        """Note that viewers see nothing, and discard the words that wait."""
        self._rollup.reset()
        if self.text:
            self.text = ""
            self._channel.changes.notify()

    def _queue_words(self, now: float) -> None:
        for spoken in self._interleaver.take(now):
            self._letters.append(spoken.word.text)
            script = find_foreign_script("".join(self._letters))
            self._refusal = describe_refusal(script) if script else ""
            if script:
                continue
            at = self._position(spoken.source)
            age = max(0.0, (self._channel.session.clock() if at is None else at) - spoken.word.end)
            due = now + max(0.0, self.picture - age) + self._delay
            self._rollup.add(spoken.word.text, due, spaced=spoken.word.spaced, turn=spoken.turn)
            self._word_added.set()
