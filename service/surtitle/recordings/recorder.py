"""Recording of channels: which are recorded, a file for each source, and the status."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container, Coroutine
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
from surtitle.core.wire.recording import RecordingStatus
from surtitle.recordings.files import RecordingFiles, RecordingState, make_tags
from surtitle.recordings.uploader import RecordingUploader
from surtitle.recordings.writer import AudioFormat, Recording
from surtitle.store import records
from surtitle.store.database import StoreError

log = logging.getLogger("surtitle.recordings")

_NO_DISK = "This service has no data folder, so it cannot record: start it with --data-dir."
_NOT_STORED = "Nothing of this channel is stored: choose another one for such clients with --compat-channel."
_MAX_ATTEMPTS, _RETRY_INTERVAL = 60, 1.0  # to save the status of a recording, and seconds between two attempts
_STOP_TIMEOUT = 3.0  # seconds to wait until the final status of a recording is saved


@dataclass(slots=True)
class _Running:
    """A recording, the session it belongs to, and the task that saves its status in the database."""

    session: str
    recording: Recording
    saving: asyncio.Task[None]


class Recorder:
    """Receives the audio of all sources (`surtitle.channels.audio_tap`), and owns the running recordings.

    ``extension`` is that of the files, ``flush`` writes pending sessions to the database, which recordings refer to.
    The channels in ``unstored`` cannot be recorded. ``uploader`` copies the files to storage that services share.
    """

    def __init__(
        self,
        recording_files: RecordingFiles | None,
        extension: str,
        flush: Callable[[], Awaitable[object]],
        unstored: Container[str] = (),
        uploader: RecordingUploader | None = None,
    ) -> None:
        self._files = recording_files
        self._extension = extension
        self._flush = flush
        self._unstored = unstored
        self._uploader = uploader
        self._requested: WeakKeyDictionary[Channel, bool] = WeakKeyDictionary()  # by a person, until all sources end
        self._present: WeakKeyDictionary[Channel, set[Source]] = WeakKeyDictionary()
        self._running: dict[Source, _Running] = {}
        self._automatic: WeakKeyDictionary[Channel, bool] = WeakKeyDictionary()  # the setting when it was last seen
        self._problems: WeakKeyDictionary[Channel, str] = WeakKeyDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._recovering: asyncio.Future[None] | None = None

    async def recover(self) -> None:
        """Start recovering interrupted recordings of the last run. Call it before any source starts."""
        if (recording_files := self._files) is None:
            return
        if unfinished := await asyncio.to_thread(recording_files.find_unfinished):
            self._recovering = start_thread("recover recordings", lambda: recording_files.recover(unfinished))
        if self._uploader is not None:
            self._uploader.start(self._recovering)

    def should_record(self, channel: Channel) -> bool:
        """Whether the sources of a channel are to be recorded now."""
        return self._can_record(channel) and self._requested.get(channel, channel.settings.record)

    def start(self, channel: Channel) -> None:
        """Record all sources of a channel from now on, including those that start later. Raises `BadRequest`."""
        if not self._can_record(channel):
            raise BadRequest(_NOT_STORED if channel.name in self._unstored else _NO_DISK)
        self._requested[channel] = True
        self._problems.pop(channel, None)
        channel.changes.notify()

    def _can_record(self, channel: Channel) -> bool:
        return self._files is not None and channel.name not in self._unstored

    async def stop(self, channel: Channel) -> list[Recording]:
        """Stop recording a channel. The returned recordings are on disk when this returns."""
        self._requested[channel] = False
        sources = [source for source in self._running if source.channel is channel]
        ended = [self._running[source].recording for source in sources]
        await asyncio.gather(*map(self._end, sources))
        channel.changes.notify()
        return ended

    def apply(self, channel: Channel) -> None:
        """Apply the channel's settings: turning automatic recording on also restarts a stopped recording."""
        record = channel.settings.record
        if record and not self._automatic.get(channel, False):
            self._requested.pop(channel, None)
            self._problems.pop(channel, None)
        self._automatic[channel] = record

    def hear(self, source: Source, frames: Frames, rate: int, at: float) -> None:
        """Record audio of a source; silence while the channel is paused."""
        channel, session = source.channel, source.channel.session.current
        self._present.setdefault(channel, set()).add(source)
        running = self._running.get(source)
        if session is None or not self.should_record(channel):
            self._end(source)
            return
        audio_format = AudioFormat(rate, frames.shape[1])

        if running is not None and (running.session != session.id or running.recording.audio_format != audio_format):
            self._end(source)
            running = None
        if running is None:
            running = self._running[source] = self._open(source, audio_format, session, at)
        running.recording.put(np.zeros_like(frames) if channel.paused else frames, at)

    def leave(self, source: Source) -> None:
        """End the recording of a source that has ended.

        Once all sources of the channel have ended, a manual stop no longer applies.
        """
        self._end(source)
        channel = source.channel
        present = self._present.get(channel, set())
        present.discard(source)
        if not present and self._requested.get(channel) is False and not self._problems.get(channel):
            del self._requested[channel]

    async def end_session(self, session: str) -> None:
        """End all recordings of a session."""
        sources = [source for source, running in self._running.items() if running.session == session]
        await asyncio.gather(*map(self._end, sources))

    def is_recording(self, session: str) -> bool:
        """Whether a source of the session is being recorded."""
        return any(running.session == session for running in self._running.values())

    def describe(self, channel: Channel) -> dict[str, Any]:
        """Part of the channel's description: the status of its recording."""
        return {"recording": self.status(channel)}

    def status(self, channel: Channel) -> RecordingStatus:
        """The status of the channel's recording."""
        running = [one.recording for source, one in self._running.items() if source.channel is channel]
        return RecordingStatus(
            on=self.should_record(channel),
            automatic=channel.settings.record,
            possible=self._can_record(channel),
            seconds=round(max((one.seconds for one in running), default=0.0), 1),
            bytes=sum(one.bytes for one in running),
            files=sum(not one.ended for one in running),
            lost=round(sum(one.lost for one in running), 1),
            problem=self._problems.get(channel, ""),
        )

    async def close(self) -> None:
        """Finish all recordings."""
        await asyncio.gather(*map(self._end, list(self._running)))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._recovering is not None:
            self._recovering.cancel()

    def _open(self, source: Source, audio_format: AudioFormat, session: Session, at: float) -> _Running:
        assert self._files is not None
        clock = source.clock + at
        path = self._files.new_path(session.id, source.name, self._extension)
        tags = make_tags(source.channel.name, source.name, clock, session.began)
        log.info("%s/%s: recording to %s", source.channel.name, source.name, path)
        recording = Recording(path, audio_format, at, tags)
        row = records.Recording("", session.id, source.name, clock, 0.0, RecordingState.RUNNING)
        saving = self._create_task(self._save_states(source.channel, recording, row), f"save {path.name}")
        return _Running(session.id, recording, saving)

    async def _save_states(self, channel: Channel, recording: Recording, row: records.Recording) -> None:
        """Save the status of a recording when it starts and when it ends."""
        await self._save(recording, row)
        if self._uploader is not None:
            self._uploader.begin(recording.path)
        await recording.wait()
        if recording.problem:
            self._fail(channel, recording.problem)
        state = RecordingState.FAILED if recording.problem else RecordingState.DONE
        ended = replace(row, seconds=recording.written, state=state, problem=recording.problem)
        await self._save(recording, ended)
        if self._uploader is not None:
            self._uploader.finish(recording.path)

    async def _save(self, recording: Recording, row: records.Recording) -> None:
        assert self._files is not None
        for attempts_left in reversed(range(_MAX_ATTEMPTS)):
            await self._flush()
            try:
                await asyncio.to_thread(self._files.save, recording.path, row)
                return
            except StoreError as error:  # the session may not be in the database yet
                if not attempts_left:
                    log.error("%s: %s", recording.path, error)
            await asyncio.sleep(_RETRY_INTERVAL)

    def _end(self, source: Source) -> asyncio.Future[None]:
        """Start closing the source's recording, if it has one; the future ends when it is closed."""
        running = self._running.pop(source, None)
        if running is None:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done
        return self._create_task(_close(running), f"close {running.recording.path.name}")

    def _create_task(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _fail(self, channel: Channel, problem: str) -> None:
        """Stop recording the channel until a person starts it again."""
        self._requested[channel] = False
        self._problems[channel] = problem
        for source in [source for source in self._running if source.channel is channel]:
            self._end(source)
        channel.changes.notify()


async def _close(running: _Running) -> None:
    await running.recording.close()
    await asyncio.wait({running.saving}, timeout=_STOP_TIMEOUT)
