"""Keeps the text of a target equal to the newest lines on screen."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from contextlib import suppress
from typing import Protocol

from surtitle.channels.channel import Channel
from surtitle.channels.screen_text import screen_text
from surtitle.channels.track import Track
from surtitle.core.backoff import Backoff
from surtitle.outputs.state import State, StateReport, TargetError

_IDLE_TIMEOUT = 60.0  # seconds to wait for a change before looking again, in any case
_BACKOFF = (1.0, 15.0)  # seconds between two attempts: the first and the maximum
_CHECK_INTERVAL = 15.0  # seconds between two checks of a target to which nothing is sent
_CLEAR_TIMEOUT = 1.0  # seconds to remove the text at the end
_MAX_WAITING = 2000  # texts that wait because of a delay


class TextTarget(Protocol):
    """Something that shows a text. Methods raise `TargetError` and must return within a limited time.

    ``interval`` is the least time between two texts, in seconds.
    """

    name: str
    interval: float

    async def check(self) -> None:
        """Find out whether a text can be shown."""

    async def show(self, text: str) -> None:
        """Show a text, of at most two lines, instead of the one before."""

    async def close(self) -> None:
        """Release connections."""


class ShownText:
    """Shows a track's newest lines while `run` runs, ``delay`` seconds late, and removes them at the end.

    A target that cannot be reached gets the newest text when it is back: there is nothing to catch up with.
    """

    def __init__(
        self,
        channel: Channel,
        track: Track,
        target: TextTarget,
        delay: float,
        report: StateReport,
    ) -> None:
        self.sent = 0
        self.skipped = 0
        self._channel = channel
        self._track = track
        self._target = target
        self._delay = delay
        self._report = report
        self._texts: deque[tuple[float, str]] = deque([(0.0, "")], maxlen=_MAX_WAITING)
        self._shown: str | None = None  # None if the target may show anything
        self._finishing = asyncio.Event()

    @property
    def state(self) -> State:
        return self._report.current

    def finish(self) -> None:
        """Let `run` end: the service stops."""
        self._finishing.set()

    async def run(self) -> None:
        """Show texts until cancelled or until `finish`. Reconnects with increasing pauses."""
        backoff = Backoff(*_BACKOFF)
        try:
            while not self._finishing.is_set():
                try:
                    await self._target.check()
                    backoff.reset()
                    await self._show_changes()
                except TargetError as error:
                    self._shown = None
                    self._report.set(State(error.state, str(error)))
                    await self._pause(backoff.next())
        finally:
            await self._clear()

    async def _show_changes(self) -> None:
        """Show the text that is due, whenever it changes."""
        checked = time.monotonic()
        while not self._finishing.is_set():
            sequence = self._track.feed.last
            now = time.monotonic()
            if (text := screen_text(self._track)) != self._texts[-1][1]:
                self._texts.append((now + self._delay, text))
            while len(self._texts) > 1 and self._texts[1][0] <= now:
                self._texts.popleft()
            due = self._texts[0][1]
            if due != self._shown:
                await self._target.show(due)
                self._note_shown(due)
                checked = time.monotonic()
                await self._pause(self._target.interval)
                continue
            if now - checked >= _CHECK_INTERVAL:
                await self._target.check()
                checked = time.monotonic()
            following = self._texts[1][0] if len(self._texts) > 1 else math.inf
            deadline = min(following, self._track.hides_at(), checked + _CHECK_INTERVAL) - time.monotonic()
            await self._wait(sequence, max(0.0, min(deadline, _IDLE_TIMEOUT)) + 0.01)

    def _note_shown(self, text: str) -> None:
        self._shown = text
        if text:
            self.sent += 1
            self._report.set(State("sending", f"The newest captions are shown in {self._target.name}."))
            self._report.on_change()
        elif self._report.own.name != "sending":
            self._report.set(self._ready())

    def _ready(self) -> State:
        return State("waiting", f"Connected to {self._target.name}: captions are shown when somebody speaks.")

    async def _wait(self, sequence: int, timeout: float) -> None:
        """Wait for an event after that sequence number, the end, or the timeout."""
        waiting = asyncio.ensure_future(self._track.feed.wait(sequence, timeout))
        ending = asyncio.ensure_future(self._finishing.wait())
        try:
            await asyncio.wait({waiting, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            ending.cancel()
            await asyncio.gather(waiting, ending, return_exceptions=True)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._finishing.wait()

    async def _clear(self) -> None:
        """Remove the text, also when the task is cancelled: nobody would remove it later."""
        try:
            if self._shown:
                with suppress(TargetError, TimeoutError):
                    async with asyncio.timeout(_CLEAR_TIMEOUT):
                        await self._target.show("")
        finally:
            await self._target.close()
