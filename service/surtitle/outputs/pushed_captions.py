"""Pushes a track's final captions to a target, one at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.channels.feed import Event
from surtitle.channels.track import Track
from surtitle.closed_captions.interleaver import is_other_speaker
from surtitle.core.backoff import Backoff
from surtitle.outputs.caption_queue import CaptionQueue, QueueRules, WaitingCaption
from surtitle.outputs.progress import Progress
from surtitle.outputs.state import State, StateReport, TargetError, TargetNotReady, TargetRefused

log = logging.getLogger("surtitle.outputs")

_IDLE_TIMEOUT = 60.0  # seconds to wait for an event before looking again, in any case
_BACKOFF = (0.5, 5.0)  # seconds between two attempts: the first and the maximum
_STORE_TIMEOUT = 1.0  # seconds to store the progress when the output is cancelled
_BEHIND = 5.0  # seconds by which a caption is late until that is said
_CHECK_INTERVAL = 30.0  # seconds between two checks of a target to which nothing is sent
_OLD = 600.0  # seconds after which a caption that was not seen before can only be a correction


@dataclass(frozen=True, slots=True)
class TimedText:
    """A caption for a target: its ``text`` in one line, and how many seconds ``ago`` it should have been shown."""

    caption: Caption
    text: str
    ago: float


class CaptionTarget(Protocol):
    """A service that takes captions. Methods raise `TargetError` and must return within a limited time.

    ``interval`` is the least time between two captions, in seconds. ``sequence`` is the number that the next caption
    gets; a target that counts raises it with each caption taken. ``key`` identifies the address. ``in_doubt`` says
    after an interrupted `send` that the caption may have arrived, and would be shown twice if it was sent again.
    """

    name: str
    key: str
    interval: float
    rules: QueueRules
    sequence: int

    @property
    def in_doubt(self) -> bool: ...

    async def check(self) -> bool:
        """Ask the target whether captions can be sent; False if it cannot be asked."""

    async def send(self, caption: TimedText) -> None:
        """Send a caption."""

    async def close(self) -> None:
        """Release connections."""


class PushedCaptions:
    """Sends captions while `run` runs, and continues where an earlier run ended.

    ``check`` is called before each caption, and ``save`` stores the progress after it. `run` ends with their errors.
    """

    def __init__(
        self,
        channel: Channel,
        track: Track,
        target: CaptionTarget,
        progress: Progress,
        check: Callable[[], Awaitable[None]],
        save: Callable[[Progress], Awaitable[None]],
        report: StateReport,
    ) -> None:
        self.sent = 0
        self._given_up = 0
        self._channel = channel
        self._track = track
        self._target = target
        self._check_progress = check
        self._save = save
        self._report = report
        cursor = track.feed.parse_resume_id(progress.cursor) if progress.cursor else None
        self._resumes = cursor is not None
        self._start = track.feed.last if cursor is None else cursor
        self._queue = CaptionQueue(target.rules, self._start, progress.recent if self._resumes else None)
        self._followed = -1  # the last event that is in the queue; none as long as this is negative
        self._handled = -1  # what `CaptionQueue.handled` was when the progress was stored
        self._wake = asyncio.Event()
        self._finishing = False
        self._voice: tuple[str, str | None] | None = None
        self._failing = ""  # the id of the caption whose last attempt failed
        self._failed_at: float | None = None  # when it first failed by itself
        self._next_attempt = 0.0
        self._backoff = Backoff(*_BACKOFF)
        if not self._resumes:
            self._queue.know(caption for caption in track.captions if caption.final)
        if progress.target == target.key:
            target.sequence = progress.sequence

    @property
    def skipped(self) -> int:
        """Captions that could not be sent, or came too late."""
        return self._queue.skipped + self._given_up

    @property
    def waiting(self) -> int:
        """Captions that wait to be sent."""
        return len(self._queue)

    @property
    def state(self) -> State:
        state = self._report.current
        late = time.monotonic() - self._queue.due()
        if late > _BEHIND and state.name == "sending":
            return State("behind", f"Captions are {late:.0f} s late: {self._target.name} takes them too slowly.")
        return state

    async def run(self) -> None:
        """Send captions until cancelled, or until nothing is due after `finish`."""
        try:
            following = asyncio.create_task(self._follow(), name=f"follow {self._channel.name}")
            sending = asyncio.create_task(self._send(), name=f"send {self._channel.name}")
            try:
                await asyncio.wait({following, sending}, return_when=asyncio.FIRST_COMPLETED)
                for task in (following, sending):
                    if task.done():
                        task.result()
            finally:
                for task in (following, sending):
                    task.cancel()
                await asyncio.gather(following, sending, return_exceptions=True)
        finally:
            await self._target.close()

    def finish(self) -> None:
        """Let `run` end as soon as nothing is due: the service stops."""
        self._finishing = True
        self._wake.set()

    async def _follow(self) -> None:
        feed = self._track.feed
        if self._resumes:
            await self._resume()
        self._followed = max(self._followed, self._start)
        self._wake.set()
        while True:
            await feed.wait(self._followed, _IDLE_TIMEOUT)
            for event in feed.since(self._followed):
                self._followed = event.number
                self._take(event)
            self._wake.set()

    async def _resume(self) -> None:
        """Queue what has become final since the earlier run."""
        feed = self._track.feed
        sequence = feed.last  # together with the next line: nothing is published between them
        earlier = await self._track.since(self._start)
        new = {event.caption.id for event in earlier if event.caption is not None}
        self._queue.know(caption for caption in self._track.captions if caption.final and caption.id not in new)
        for event in earlier:
            if event.caption is not None:
                age = max(0.0, self._channel.session.clock() - event.caption.end)
                self._queue.put(event.caption, event.number, time.monotonic(), age)
                sequence = max(sequence, event.number)
        self._followed = sequence

    def _take(self, event: Event) -> None:
        if event.name == "clear":
            self._queue.clear()
        caption = event.caption
        if caption is None or self._is_old(caption):
            self._queue.pass_over(event.number)
        else:
            self._queue.put(caption, event.number, time.monotonic())

    def _is_old(self, caption: Caption) -> bool:
        """Whether a caption ended so long ago that it is a correction of one that is not remembered."""
        return not self._target.rules.corrections and self._channel.session.clock() - caption.end > _OLD

    async def _send(self) -> None:
        await self._check()
        checked = time.monotonic()
        while True:
            self._wake.clear()
            skipped = self.skipped
            waiting = self._queue.next(time.monotonic())
            if waiting is not None and time.monotonic() >= self._next_attempt:
                await self._check_progress()
                if await self._deliver(waiting):
                    self._queue.done(waiting)
                await self._store()
                checked = time.monotonic()
                await asyncio.sleep(self._target.interval)
                continue
            if self.skipped != skipped:
                log.warning("%s: captions for %s came too late", self._channel.name, self._target.name)
                self._report.on_change()
            await self._store()
            if self._finishing and self._followed >= self._track.feed.last:
                await self._store(always=True)
                return
            if time.monotonic() - checked >= _CHECK_INTERVAL:
                await self._check()
                checked = time.monotonic()
            with suppress(TimeoutError):
                due = max(self._queue.due(), self._next_attempt)
                async with asyncio.timeout(min(due, checked + _CHECK_INTERVAL) - time.monotonic()):
                    await self._wake.wait()

    async def _check(self) -> None:
        """Learn whether captions can be sent before there is one."""
        try:
            known = await self._target.check()
        except TargetError as error:
            self._report.set(State(error.state, str(error)))
            return
        if known or self._report.own.name == "connecting":
            how = "Connected to" if known else "Ready for"
            if self._report.own.name != "sending":
                self._report.set(
                    State("waiting", f"{how} {self._target.name}: captions are sent when somebody speaks.")
                )

    async def _deliver(self, waiting: WaitingCaption) -> bool:
        """Try to send a caption; False if there will be another attempt, at ``_next_attempt``."""
        caption = waiting.caption
        if caption.id != self._failing:
            self._failing, self._failed_at = caption.id, None
        try:
            await self._target.send(self._describe(waiting))
        except (TargetRefused, TargetNotReady) as error:  # what is said before a meeting may not be meant for it
            self._report.set(State(error.state, str(error)))
        except TargetError as error:
            self._report.set(State("failed", str(error)))
            if (pause := self._find_pause(error)) is not None:
                self._next_attempt = time.monotonic() + pause
                return False
        except asyncio.CancelledError:
            if self._target.in_doubt:
                self._given_up += 1
                self._queue.done(waiting)
                async with asyncio.timeout(_STORE_TIMEOUT):
                    await self._store()
            raise
        else:
            self.sent += 1
            self._backoff.reset()
            self._voice = (caption.source, caption.speaker)
            self._report.set(State("sending", f"Captions are sent to {self._target.name}."))
            self._report.on_change()
            return True
        self._given_up += 1
        self._backoff.reset()
        self._report.on_change()
        return True

    def _find_pause(self, error: TargetError) -> float | None:
        """The seconds until the caption is sent again; None if it is given up.

        While the target takes nothing, captions wait until they are too old. One that alone fails does not keep back
        the others for long.
        """
        now, pause = time.monotonic(), self._backoff.next()
        if error.outage:
            self._failed_at = None
            return max(pause, error.retry_after)
        self._failed_at = now if self._failed_at is None else self._failed_at
        late = now + pause > self._failed_at + self._target.rules.patience
        return None if late or not error.repeatable else pause

    def _describe(self, waiting: WaitingCaption) -> TimedText:
        """The text of a caption; it begins with the speaker's name if somebody else spoke before."""
        caption = self._track.apply_names(waiting.caption)
        text = " ".join(caption.text.split())
        if is_other_speaker(self._voice, (waiting.caption.source, waiting.caption.speaker)):
            text = f"{caption.voice}: {text}"
        ago = self._channel.session.clock() - caption.start - self._target.rules.delay
        return TimedText(caption, text, max(0.0, ago))

    async def _store(self, *, always: bool = False) -> None:
        """Store the progress if a caption was handled: another that comes meanwhile is found after the cursor."""
        if self._followed < 0 or (self._queue.handled == self._handled and not always):
            return
        self._handled = self._queue.handled
        cursor = self._track.feed.resume_id(self._queue.cursor)
        await self._save(Progress(self._target.key, self._target.sequence, cursor, self._queue.recent))
