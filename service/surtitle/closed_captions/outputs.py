"""The closed-caption outputs of the service, which are started and stopped according to channels' settings."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from surtitle.channels.channel import Channel
from surtitle.channels.settings import ClosedCaptions
from surtitle.closed_captions.captioner import Captioner
from surtitle.closed_captions.obs_websocket import OFF, ObsOutput
from surtitle.closed_captions.record_clock import RecordStatus
from surtitle.core.errors import SurtitleError
from surtitle.core.keyed_lock import KeyedLock
from surtitle.core.wire.obs import ClosedCaptionsStatus
from surtitle.translation.translations import Translations

log = logging.getLogger("surtitle.outputs")


class Outputs:
    """Owns one task for each channel whose closed captions the service sends.

    ``position`` gives the position of a channel's source, in seconds on the channel's clock. Captions in another
    language come from ``translations``. ``on_record`` is called with what OBS says about its own recording.
    """

    def __init__(
        self,
        position: Callable[[Channel, str], float | None],
        translations: Translations,
        on_record: Callable[[Channel, RecordStatus], None] = lambda channel, status: None,
    ) -> None:
        self._on_record = on_record
        self._position = position
        self._translations = translations
        self._running: dict[Channel, ObsOutput] = {}
        self._applied: WeakKeyDictionary[Channel, ClosedCaptions] = WeakKeyDictionary()
        self._tasks: dict[Channel, asyncio.Task[None]] = {}
        self._sending = KeyedLock()
        self._scripts: Counter[Channel] = Counter()

    def apply(self, channel: Channel) -> None:
        """Begin to apply the channel's settings; an output with earlier settings is stopped first."""
        settings, before = channel.settings.closed_captions, self._tasks.get(channel)
        if settings == self._applied.get(channel, ClosedCaptions()):
            return
        self._applied[channel] = settings
        if before is None and not settings.enabled:
            return
        task = self._tasks[channel] = asyncio.create_task(self._run(channel, before), name=f"output {channel.name}")
        task.add_done_callback(lambda done: self._task_done(channel, done))

    def describe(self, channel: Channel) -> dict[str, Any]:
        """Part of the channel's description: what sends its closed captions, the status, and the text viewers see."""
        output = self._running.get(channel)
        state = OFF if output is None else output.state
        status = ClosedCaptionsStatus(
            by="obs-websocket" if self.sends(channel) else "script" if self._scripts[channel] else None,
            state=state.name,
            message=state.message,
            text="" if output is None else output.captioner.text,
            sent=0 if output is None else output.captioner.sent,
            skipped=0 if output is None else output.captioner.skipped,
        )
        return {"closed_captions": status}

    def sends(self, channel: Channel) -> bool:
        """Whether the service sends this channel's closed captions, so that the script in OBS must not."""
        return channel.settings.closed_captions.enabled

    @contextmanager
    def script(self, channel: Channel) -> Iterator[None]:
        """Count a connected OBS script, which sends the closed captions unless the service does."""
        self._scripts[channel] += 1
        channel.changes.notify()
        try:
            yield
        finally:
            self._scripts -= Counter([channel])
            channel.changes.notify()

    @contextmanager
    def captioner(self, channel: Channel, language: str | None, delay: float) -> Iterator[Captioner]:
        """The closed captions of a channel for one sender. If they cannot be translated, `refusal` says why."""
        try:
            translated = self._translations.language(channel, language)
        except SurtitleError as error:
            log.warning("%s: %s", channel.name, error)
            translated = None
        position = partial(self._position, channel)
        if translated is None:
            yield Captioner(channel, position, language, delay)
            return
        with self._translations.subscribe(channel, translated) as track:
            problem = partial(self._translations.problem, channel, translated)
            yield Captioner(channel, position, None, delay, track, problem)

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, channel: Channel, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            before.cancel()
        async with self._sending.hold(channel):  # an earlier task may still take its captions off the screens
            settings = channel.settings.closed_captions
            if not settings.enabled:
                return
            with self.captioner(channel, settings.language, settings.delay) as captioner:
                await self._send(channel, settings, captioner)

    async def _send(self, channel: Channel, settings: ClosedCaptions, captioner: Captioner) -> None:
        output = self._running[channel] = ObsOutput(
            settings, captioner, channel.changes.notify, partial(self._on_record, channel)
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(captioner.follow(), name=f"captioner {channel.name}")
                tasks.create_task(output.run(), name=f"obs {channel.name}")
        finally:
            del self._running[channel]

    def _task_done(self, channel: Channel, task: asyncio.Task[None]) -> None:
        if self._tasks.get(channel) is task:
            del self._tasks[channel]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: sending closed captions failed", channel.name, exc_info=error)
        channel.changes.notify()
