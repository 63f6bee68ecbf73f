"""Recording of a service's channels: what is on, a file for each source, and how it stands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from service.audio import Frames
from service.audio.recording import Format, Recording
from service.channels.channel import Channel
from service.channels.source import Source
from service.errors import BadRequest
from service.recordings.shelf import Shelf, tags

log = logging.getLogger("surtitle.recordings")

_NOWHERE = "This service keeps nothing on disk, so it cannot record: start it with --data-dir."


class Recorder:
    """Hears all sources (`service.channels.listener`), and owns the recordings that run.

    ``session`` gives the id of a channel's session, and when it began in seconds of the epoch.
    """

    def __init__(self, shelf: Shelf | None, form: str, session: Callable[[Channel], tuple[str, float]]) -> None:
        self._shelf = shelf
        self._form = form
        self._session = session
        self._told: WeakKeyDictionary[Channel, bool] = WeakKeyDictionary()  # what a person wants now
        self._running: dict[Source, tuple[str, Recording]] = {}  # with the session
        self._problems: WeakKeyDictionary[Channel, str] = WeakKeyDictionary()
        self._closing: set[asyncio.Task[None]] = set()

    def wanted(self, channel: Channel) -> bool:
        """Whether what is said in a channel is to be recorded now."""
        return self._shelf is not None and self._told.get(channel, channel.settings.record)

    def start(self, channel: Channel) -> None:
        """Record all sources of a channel from now on, those that come later too. Raises `BadRequest`."""
        if self._shelf is None:
            raise BadRequest(_NOWHERE)
        self._told[channel] = True
        self._problems.pop(channel, None)

    async def stop(self, channel: Channel) -> list[Recording]:
        """Record no more; what was recorded is on disk when this returns."""
        self._told[channel] = False
        ended = [recording for source, (_, recording) in self._running.items() if source.channel is channel]
        await asyncio.gather(*(self._end(source) for source in list(self._running) if source.channel is channel))
        return ended

    def hear(self, source: Source, frames: Frames, rate: int, at: float) -> None:
        """Audio of a source, as it came. While the channel is paused it is kept as silence."""
        channel = source.channel
        if not self.wanted(channel):
            return
        form = Format(rate, frames.shape[1])
        session, began = self._session(channel)
        running = self._running.get(source)
        if running is not None and (running[0] != session or running[1].form != form):
            self._end(source)
            running = None
        if running is None:
            running = self._running[source] = (session, self._open(source, form, session, began, at))
        elif running[1].ended:  # by itself
            self._give_up(channel, running[1].problem)
            return
        running[1].put(np.zeros_like(frames) if channel.settings.paused else frames, at)

    def leave(self, source: Source) -> None:
        """The source has ended, and so does its recording. What a person stopped begins anew with the next sources."""
        self._end(source)
        channel = source.channel
        if self._told.get(channel) is False and not any(one.channel is channel for one in self._running):
            del self._told[channel]

    def describe(self, channel: Channel) -> dict[str, Any]:
        """To be added to the channel's: whether it is recorded, how long, how large, and what is wrong."""
        running = [recording for source, (_, recording) in self._running.items() if source.channel is channel]
        on = self.wanted(channel)
        for recording in running:
            if recording.problem and on:
                self._give_up(channel, recording.problem)
                on = False
        return {
            "recording": {
                "on": on,
                "automatic": channel.settings.record,
                "possible": self._shelf is not None,
                "seconds": round(max((one.seconds for one in running if not one.ended), default=0.0), 1),
                "bytes": sum(one.bytes for one in running),
                "files": len(running),
                "lost": round(sum(one.lost for one in running), 1),
                "problem": self._problems.get(channel, ""),
            }
        }

    def session_in_use(self, session: str) -> bool:
        """Whether something is being recorded in a session."""
        return any(one == session for one, _ in self._running.values())

    async def close(self) -> None:
        """Finish all recordings."""
        for source in list(self._running):
            self._end(source)
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _open(self, source: Source, form: Format, session: str, began: float, at: float) -> Recording:
        assert self._shelf is not None
        offset = source.clock + at
        path = self._shelf.new_path(session, source.name, self._form)
        log.info("%s/%s: recording to %s", source.channel.name, source.name, path)
        return Recording(path, form, at, tags(source.channel.name, source.name, offset, began))

    def _end(self, source: Source) -> asyncio.Future[None]:
        """Begin to close the source's recording, if it has one."""
        _, recording = self._running.pop(source, ("", None))
        if recording is None:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done
        task = asyncio.create_task(recording.close(), name=f"close {recording.path.name}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    def _give_up(self, channel: Channel, problem: str) -> None:
        """Recording cannot go on until a person has looked at it."""
        self._told[channel] = False
        self._problems[channel] = problem
        for source in [source for source in self._running if source.channel is channel]:
            self._end(source)
