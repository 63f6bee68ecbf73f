"""Recording of a service's channels: what is on, a file for each source, and how it stands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from surtitle.audio import Frames
from surtitle.channels.channel import Channel
from surtitle.channels.session import Session
from surtitle.channels.source import Source
from surtitle.core.errors import BadRequest
from surtitle.core.threads import start_thread
from surtitle.recordings import files as shelves
from surtitle.recordings.files import RecordingFiles
from surtitle.recordings.writer import Format, Recording
from surtitle.store import records
from surtitle.store.database import StoreError

log = logging.getLogger("surtitle.recordings")

_NOWHERE = "This service keeps nothing on disk, so it cannot record: start it with --data-dir."
_TRIES, _RETRY = 60, 1.0  # to write down how a recording stands, and seconds between two
_PATIENCE = 3.0  # seconds that whoever stops a recording waits for that


@dataclass(slots=True)
class _Running:
    """A recording, the session to which it belongs, and the task that writes down how it stands."""

    session: str
    recording: Recording
    noting: asyncio.Task[None]


class Recorder:
    """Hears all sources (`surtitle.channels.audio_tap`), and owns the recordings that run.

    ``flush`` sees to it that the session of a recording is in the database.
    """

    def __init__(
        self, recording_files: RecordingFiles | None, form: str, flush: Callable[[], Awaitable[object]]
    ) -> None:
        self._shelf = recording_files
        self._form = form
        self._flush = flush
        self._told: WeakKeyDictionary[Channel, bool] = WeakKeyDictionary()  # what a person wants now
        self._present: WeakKeyDictionary[Channel, set[Source]] = WeakKeyDictionary()
        self._running: dict[Source, _Running] = {}
        self._automatic: WeakKeyDictionary[Channel, bool] = WeakKeyDictionary()  # what the settings said last
        self._problems: WeakKeyDictionary[Channel, str] = WeakKeyDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._recovering: asyncio.Future[None] | None = None

    async def recover(self) -> None:
        """Begin to close off what was torn when the service ended last. To be called before any source comes."""
        if (recording_files := self._shelf) is not None and (torn := await asyncio.to_thread(recording_files.torn)):
            self._recovering = start_thread("recover recordings", lambda: recording_files.recover(torn))

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
        sources = [source for source in self._running if source.channel is channel]
        ended = [self._running[source].recording for source in sources]
        await asyncio.gather(*map(self._end, sources))
        return ended

    def apply(self, channel: Channel) -> None:
        """Apply the channel's settings: switching automatic recording on overrides an earlier stop."""
        record = channel.settings.record
        if record and not self._automatic.get(channel, False):
            self._told.pop(channel, None)
            self._problems.pop(channel, None)
        self._automatic[channel] = record

    def hear(self, source: Source, frames: Frames, rate: int, at: float) -> None:
        """Audio of a source, as it came. While the channel is paused it is kept as silence."""
        channel, session = source.channel, source.channel.session
        self._present.setdefault(channel, set()).add(source)
        running = self._running.get(source)
        if session is None or not self.wanted(channel):
            self._end(source)
            return
        form = Format(rate, frames.shape[1])
        if running is not None and (running.session != session.id or running.recording.form != form):
            self._end(source)
            running = None
        if running is None:
            running = self._running[source] = self._open(source, form, session, at)
        running.recording.put(np.zeros_like(frames) if channel.settings.paused else frames, at)

    def leave(self, source: Source) -> None:
        """The source has ended, and so does its recording. What a person stopped begins anew once all have ended."""
        self._end(source)
        channel = source.channel
        present = self._present.get(channel, set())
        present.discard(source)
        if not present and self._told.get(channel) is False and not self._problems.get(channel):
            del self._told[channel]

    async def release(self, session: str) -> None:
        """End what is being recorded in a session."""
        sources = [source for source, one in self._running.items() if one.session == session]
        await asyncio.gather(*map(self._end, sources))

    def busy(self, session: str) -> bool:
        """Whether something is being recorded in a session."""
        return any(one.session == session for one in self._running.values())

    def describe(self, channel: Channel) -> dict[str, Any]:
        """To be added to the channel's: whether it is recorded, how long, how large, and what is wrong."""
        running = [one.recording for source, one in self._running.items() if source.channel is channel]
        return {
            "recording": {
                "on": self.wanted(channel),
                "automatic": channel.settings.record,
                "possible": self._shelf is not None,
                "seconds": round(max((one.seconds for one in running), default=0.0), 1),
                "bytes": sum(one.bytes for one in running),
                "files": sum(not one.ended for one in running),
                "lost": round(sum(one.lost for one in running), 1),
                "problem": self._problems.get(channel, ""),
            }
        }

    async def close(self) -> None:
        """Finish all recordings."""
        await asyncio.gather(*map(self._end, list(self._running)))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._recovering is not None:
            self._recovering.cancel()

    def _open(self, source: Source, form: Format, session: Session, at: float) -> _Running:
        assert self._shelf is not None
        clock = source.clock + at
        path = self._shelf.new_path(session.id, source.name, self._form)
        said = shelves.tags(source.channel.name, source.name, clock, session.began)
        log.info("%s/%s: recording to %s", source.channel.name, source.name, path)
        recording = Recording(path, form, at, said)
        row = records.Recording("", session.id, source.name, clock, 0.0, shelves.RUNNING)
        noting = self._own(self._note(source.channel, recording, row), f"note {path.name}")
        return _Running(session.id, recording, noting)

    async def _note(self, channel: Channel, recording: Recording, row: records.Recording) -> None:
        """Write down that it runs, and at its end how that was."""
        await self._write(recording, row)
        await recording.over()
        if recording.problem:
            self._give_up(channel, recording.problem)
        state = shelves.FAILED if recording.problem else shelves.DONE
        ended = replace(row, seconds=recording.written, state=state, problem=recording.problem)
        await self._write(recording, ended)

    async def _write(self, recording: Recording, row: records.Recording) -> None:
        assert self._shelf is not None
        for rest in reversed(range(_TRIES)):
            await self._flush()
            try:
                await asyncio.to_thread(self._shelf.note, recording.path, row)
                return
            except StoreError as error:  # its session is perhaps not written down yet
                if not rest:
                    log.error("%s: %s", recording.path, error)
            await asyncio.sleep(_RETRY)

    def _end(self, source: Source) -> asyncio.Future[None]:
        """Begin to close the source's recording, if it has one."""
        running = self._running.pop(source, None)
        if running is None:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done
        return self._own(_close(running), f"close {running.recording.path.name}")

    def _own(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _give_up(self, channel: Channel, problem: str) -> None:
        """Recording cannot go on until a person has looked at it."""
        self._told[channel] = False
        self._problems[channel] = problem
        for source in [source for source in self._running if source.channel is channel]:
            self._end(source)


async def _close(running: _Running) -> None:
    await running.recording.close()
    await asyncio.wait({running.noting}, timeout=_PATIENCE)
