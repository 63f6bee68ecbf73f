"""Writes the state of channels to the store in the background, with a short delay."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec

from surtitle.captions.caption import Caption
from surtitle.channels.session import OnWritten, Session, StoredSession, StoredSettings
from surtitle.channels.settings import ChannelSettings
from surtitle.channels.style import Style
from surtitle.core.notifier import Notifier
from surtitle.store.database import StoreError
from surtitle.store.journal import Batch, PendingCaption, PendingSource, Store

log = logging.getLogger("surtitle.store")

_BATCH_DELAY = 0.3  # seconds for which changes are collected
_RETRY_DELAY = 5.0  # seconds until a failed write is tried again
_MAX_READERS = 2  # threads that may read at a time: the others are for writing
_MAX_PENDING = 50_000  # captions waiting for a database that does not answer


class JournalWriter:
    """A `Journal`. Owns the task that writes; a batch that could not be written is merged into the next one.

    ``changes`` is notified when `problem` has changed, and ``on_caption`` is called with each caption to store, its
    session and its track. ``on_taken_over`` is called with a session that another service has taken over.
    """

    def __init__(
        self,
        store: Store,
        changes: Notifier | None = None,
        on_caption: Callable[[Session, str, Caption], None] = lambda session, track, caption: None,
        on_taken_over: Callable[[Session], None] = lambda session: None,
    ) -> None:
        self._store = store
        self._on_caption = on_caption
        self._on_taken_over = on_taken_over
        self._batch = Batch()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._writing = asyncio.Lock()
        self._reading = asyncio.Semaphore(_MAX_READERS)
        self._task = asyncio.create_task(self._run(), name="journal writer")
        self._dropping = False
        self._changes = changes or Notifier()
        self.problem = ""
        """Why something cannot be stored, in one sentence; empty if everything can."""

    def save_settings(self, channel: str, settings: ChannelSettings, styles: Mapping[str, Style]) -> None:
        """Store settings and styles, but not that a channel is paused: it should not stay silent after a restart."""
        self._batch.settings[channel] = StoredSettings(msgspec.structs.replace(settings, paused=False), dict(styles))
        self._wake.set()

    def save_session(self, session: Session) -> None:
        self._batch.sessions[session.id] = session
        self._wake.set()

    def save_caption(
        self, session: Session, track: str, caption: Caption, sequence: int, on_written: OnWritten
    ) -> None:
        key = (session.id, track, caption.id)
        if len(self._batch.captions) >= _MAX_PENDING and key not in self._batch.captions:
            self._batch.captions.pop(next(iter(self._batch.captions)))
            if not self._dropping:
                log.error("the database has not answered for so long that captions are no longer stored")
            self._dropping = True
        self._batch.captions[key] = PendingCaption(session, track, caption, sequence, on_written)
        self._wake.set()
        self._on_caption(session, track, caption)

    def save_source(self, session: Session, resume: str, name: str, clock: float, position: float) -> None:
        self._batch.ended_sources.discard((session.id, resume))
        self._batch.sources[session.id, resume] = PendingSource(session, name, clock, position)
        self._wake.set()

    def forget_source(self, session: Session, resume: str) -> None:
        self._batch.sources.pop((session.id, resume), None)
        self._batch.ended_sources.add((session.id, resume))
        self._wake.set()

    async def take_over(self, channel: str, captions: int) -> tuple[StoredSettings | None, StoredSession | None]:
        """Raises `StoreError`."""
        return await asyncio.to_thread(self._store.take_over, channel, captions)

    async def is_newest(self, session: Session) -> bool:
        """Raises `StoreError`."""
        newest, _ = await asyncio.to_thread(self._store.find_session, session.channel)
        return newest is not None and newest.id == session.id

    async def load_captions(self, session: Session, track: str, limit: int, after: int) -> list[tuple[int, Caption]]:
        """Raises `StoreError`."""
        async with self._reading:
            return await asyncio.to_thread(self._store.captions, session.id, track, limit, after)

    async def load_caption(self, session: Session, track: str, caption: str) -> tuple[int, Caption] | None:
        """Raises `StoreError`."""
        async with self._reading:
            return await asyncio.to_thread(self._store.caption, session.id, track, caption)

    async def flush(self) -> bool:
        """Write everything pending. Returns whether that succeeded."""
        async with self._writing:  # one at a time, so that nothing older overwrites something newer
            return await self._flush()

    async def close(self) -> None:
        """Write everything pending, even if the task that writes has failed, and close the database."""
        self._closing.set()
        self._wake.set()
        try:
            await self._task
        finally:
            try:
                await self.flush()
            finally:
                await asyncio.to_thread(self._store.close)

    async def _run(self) -> None:
        while not self._closing.is_set():
            await self._wake.wait()
            self._wake.clear()
            await self._pause(_BATCH_DELAY)
            if not await self.flush():
                await self._pause(_RETRY_DELAY)
                self._wake.set()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    def _requeue(self, batch: Batch) -> None:
        """Queue a batch that could not be written again, except for what has changed since."""
        newer = self._batch
        newer.settings = batch.settings | newer.settings
        newer.sessions = batch.sessions | newer.sessions
        newer.captions = batch.captions | newer.captions
        newer.sources = {
            key: one for key, one in batch.sources.items() if key not in newer.ended_sources
        } | newer.sources
        newer.ended_sources |= batch.ended_sources - newer.sources.keys()

    async def _flush(self) -> bool:
        batch, self._batch = self._batch, Batch()
        if not batch:
            return True
        try:
            lost = await asyncio.to_thread(self._store.write, batch)
        except StoreError as error:
            self._requeue(batch)
            if error.message != self.problem:
                log.error("%s", error)
            self._set_problem(error.message)
            return False
        except Exception:  # trying again would fail again
            log.exception("%d captions could not be written", len(batch.captions))
            self._set_problem("Some captions could not be stored: see the service's log for details.")
            return False
        self._set_problem("")
        self._dropping = False
        for pending in batch.captions.values():
            if pending.session.id not in lost:
                pending.on_written(pending.caption.id, pending.sequence)
        for session in batch.mentioned_sessions().values():
            if session.id in lost:
                self._on_taken_over(session)
        return True

    def _set_problem(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self._changes.notify()
