"""Audio that waited for recognition when its source ended, and whose client never continued with another source."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from surtitle.channels.channel import Channel
from surtitle.channels.source import Source
from surtitle.channels.source_opener import SourceOpener, SourceRequest
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import SurtitleError
from surtitle.core.keyed_lock import KeyedLock

log = logging.getLogger("surtitle.hub")


class LeftAudio:
    """Has such audio recognized once its client can no longer come for it, or when the service stops.

    ``resuming`` is held while a client resumes a source. Owns a task for each source whose client may still come.
    """

    def __init__(self, opener: SourceOpener, resuming: KeyedLock, resume_window: float) -> None:
        """``resume_window`` is for how many seconds a client may come."""
        self._opener = opener
        self._resuming = resuming
        self._resume_window = resume_window
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def keep(self, source: Source, options: SourceOptions) -> None:
        """Take care of what waited when ``source`` ended, whose client had requested ``options``."""
        left = source.channel.session.find_handed_over(source.resume)
        if left is None or not left.has_speech_waiting or self._stopping.is_set():
            return
        task = asyncio.create_task(self._recognize(source.channel, source.resume, options), name=f"left {source.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, timeout: float) -> None:
        """Have all of it recognized now: the sources that do it are running when this returns.

        Audio for which no source could be opened within ``timeout`` seconds is lost.
        """
        self._stopping.set()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=timeout)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _recognize(self, channel: Channel, resume: str, options: SourceOptions) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), self._resume_window)
        async with self._resuming.hold((channel.name, resume)):
            left = channel.session.withdraw(resume)
            if left is None:
                return  # its client has come
            log.info("%s/%s: did not come back, so its last words are recognized now", channel.name, left.name)
            try:
                source = await self._opener.open(SourceRequest(channel, left.name, options, resume, left=left))
            except SurtitleError as error:
                log.warning("%s/%s: its last words are lost: %s", channel.name, left.name, error)
            else:
                source.end()
