"""Writes down what channels say, a moment later, in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from surtitle.captions.caption import Caption
from surtitle.channels.session import Session, Written
from surtitle.channels.settings import ChannelSettings
from surtitle.channels.style import Style
from surtitle.store.database import StoreError
from surtitle.store.journal import Batch, Said, Store, Told

log = logging.getLogger("surtitle.store")

_WAIT = 0.3  # seconds in which changes are collected
_RETRY = 5.0  # seconds until a write is tried again that failed
_READERS = 2  # threads that read at a time: the others are for writing
_MOST = 50_000  # captions that wait for a database that does not answer


class Keeper:
    """A `Journal`. Owns the task that writes; what could not be written is written with the next."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._batch = Batch()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._writing = asyncio.Lock()
        self._reading = asyncio.Semaphore(_READERS)
        self._task = asyncio.create_task(self._run(), name="keeper")
        self._lost = False
        self.problem = ""

    def told(self, channel: str, settings: ChannelSettings, styles: Mapping[str, Style]) -> None:
        """That a channel is paused is not kept: nobody wants to find it silent tomorrow."""
        self._batch.told[channel] = Told(replace(settings, paused=False), dict(styles))
        self._wake.set()

    def began(self, session: Session) -> None:
        self._batch.sessions[session.id] = session
        self._wake.set()

    def said(self, session: Session, track: str, caption: Caption, place: int, written: Written) -> None:
        key = (session.id, track, caption.id)
        if len(self._batch.said) >= _MOST and key not in self._batch.said:
            self._batch.said.pop(next(iter(self._batch.said)))
            if not self._lost:
                log.error("the database has not answered for so long that captions are not kept any more")
            self._lost = True
        self._batch.said[key] = Said(session, track, caption, place, written)
        self._wake.set()

    def speaks(self, session: Session, resume: str, name: str, clock: float) -> None:
        self._batch.silent.discard(resume)
        self._batch.speaking[resume] = (session, name, clock)
        self._wake.set()

    def silent(self, session: Session, resume: str) -> None:
        self._batch.speaking.pop(resume, None)
        self._batch.silent.add(resume)
        self._wake.set()

    async def kept(self, session: Session, track: str, limit: int, after: int) -> list[tuple[int, Caption]]:
        """Raises `StoreError`."""
        async with self._reading:
            return await asyncio.to_thread(self._store.captions, session.id, track, limit, after)

    async def find(self, session: Session, track: str, caption: str) -> tuple[int, Caption] | None:
        """Raises `StoreError`."""
        async with self._reading:
            return await asyncio.to_thread(self._store.caption, session.id, track, caption)

    async def flush(self) -> bool:
        """Write what waits, now; whether that was possible."""
        async with self._writing:  # one after the other, so that nothing older is written over something newer
            return await self._flush()

    async def close(self) -> None:
        """Write what is left."""
        self._closing.set()
        self._wake.set()
        await self._task
        await self.flush()
        await asyncio.to_thread(self._store.close)

    async def _run(self) -> None:
        while not self._closing.is_set():
            await self._wake.wait()
            self._wake.clear()
            await self._pause(_WAIT)
            if not await self.flush():
                await self._pause(_RETRY)
                self._wake.set()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    def _take_back(self, batch: Batch) -> None:
        """What could not be written waits again, unless there is something newer."""
        newer = self._batch
        newer.told = batch.told | newer.told
        newer.sessions = batch.sessions | newer.sessions
        newer.said = batch.said | newer.said
        newer.speaking = {
            resume: one for resume, one in batch.speaking.items() if resume not in newer.silent
        } | newer.speaking
        newer.silent |= batch.silent - newer.speaking.keys()

    async def _flush(self) -> bool:
        batch, self._batch = self._batch, Batch()
        if not batch:
            return True
        try:
            await asyncio.to_thread(self._store.write, batch)
        except StoreError as error:
            self._take_back(batch)
            if error.message != self.problem:
                log.error("%s", error)
            self.problem = error.message
            return False
        except Exception:  # the same again would fail again
            log.exception("%d captions could not be written", len(batch.said))
            self.problem = "Some captions could not be kept: the log says why."
            return False
        self.problem, self._lost = "", False
        for said in batch.said.values():
            said.written(said.caption.id, said.place)
        return True
