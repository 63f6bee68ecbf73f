"""Notes how OBS's own recordings relate to sessions, so that transcripts can be fitted to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from surtitle.channels.channel import Channel
from surtitle.closed_captions.record_clock import RecordClock, RecordStatus
from surtitle.store.database import StoreError
from surtitle.store.records import ObsRecording
from surtitle.store.transcripts import Transcripts

log = logging.getLogger("surtitle.recordings")

_MAX_PENDING = 100  # statuses that wait for the database; the next ones say the same


@dataclass(slots=True)
class _Recording:
    """The newest recording of a channel's session; ``saved`` is False if the database does not have this state."""

    session: str
    number: int = 0
    file: str = ""
    clock: RecordClock | None = None  # None until one begins
    saved: bool = True


class ObsRecordings:
    """Follows the status of OBS's recording in each channel; owns the task that stores it.

    ``flush`` writes pending sessions to the database, which the recordings refer to.
    """

    def __init__(self, transcripts: Transcripts, flush: Callable[[], Awaitable[object]]) -> None:
        self._transcripts = transcripts
        self._flush = flush
        self._newest: dict[str, _Recording] = {}  # by channel
        self._recording: set[str] = set()  # channels with an OBS that recorded when it was last asked
        self._pending: asyncio.Queue[tuple[str, str, RecordStatus, float]] = asyncio.Queue(_MAX_PENDING)
        self._task = asyncio.create_task(self._run(), name="OBS recordings")

    def note(self, channel: Channel, status: RecordStatus) -> None:
        """Note the status that OBS's recording has now. Called in the event loop, a few times a second."""
        session = channel.session.current
        if session is None or self._pending.full() or not (status.active or channel.name in self._recording):
            return
        (self._recording.add if status.active else self._recording.discard)(channel.name)
        self._pending.put_nowait((channel.name, session.id, status, channel.session.clock()))

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            channel, session, status, clock = await self._pending.get()
            try:
                await self._note(channel, session, status, clock)
            except StoreError as error:  # the session may not be in the database yet
                log.debug("%s: OBS's recording is not stored yet: %s", session, error)
            except Exception:
                log.exception("%s: OBS's recording cannot be noted", session)

    async def _note(self, channel: str, session: str, status: RecordStatus, clock: float) -> None:
        newest = self._newest.get(channel)
        if newest is None or newest.session != session:
            newest = self._newest[channel] = await self._load(session)
        if status.active and (newest.clock is None or newest.clock.is_another(status)):
            newest.number, newest.file, newest.clock = newest.number + 1, "", RecordClock()
        if newest.clock is None:
            return
        changed = newest.clock.note(status, clock)
        if status.file not in ("", newest.file):
            newest.file, changed = status.file, True
        if newest.clock.pieces and (changed or not newest.saved):
            newest.saved = False
            await self._flush()
            recording = ObsRecording(session, newest.number, newest.file, newest.clock.pieces)
            await asyncio.to_thread(self._transcripts.save_obs_recording, recording)
            newest.saved = True
        if not status.active:
            newest.clock = None

    async def _load(self, session: str) -> _Recording:
        """Continue the session's last recording if an earlier run of the service has not seen its end."""
        stored = await asyncio.to_thread(self._transcripts.obs_recordings, session)
        if not stored:
            return _Recording(session)
        last = stored[-1]
        continues = last.pieces and last.pieces[-1].length == float("inf")
        return _Recording(session, last.number, last.file, RecordClock(last.pieces) if continues else None)
