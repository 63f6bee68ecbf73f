"""Reads the captions of a channel that another service captions from the database that both share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from surtitle.captions.caption import Caption
from surtitle.captions.names import apply_names
from surtitle.store.journal import Store


class StoredTracks:
    """Makes the stored tracks of all channels. At most two of their threads read at a time."""

    def __init__(self, store: Store, limit: int) -> None:
        """``limit`` is the number of captions of a session that are kept."""
        self._store = store
        self._limit = limit
        self._reading = asyncio.Semaphore(2)

    def of(self, channel: str, language: str) -> DatabaseTrack:
        """The track of a channel in a language; "" is the original."""
        return DatabaseTrack(self._store, self._limit, self._reading, channel, language)


@dataclass(frozen=True, slots=True)
class DatabaseTrack:
    """A `StoredTrack` of the channel's newest session."""

    store: Store
    limit: int
    reading: asyncio.Semaphore
    channel: str
    language: str

    async def captions(self, after: int = 0) -> tuple[int, list[tuple[int, Caption]]]:
        """Raises `StoreError`."""
        async with self.reading:
            return await asyncio.to_thread(self._load, after)

    async def began(self) -> float | None:
        """When the clock of the channel's newest session was 0, in seconds since 1970. Raises `StoreError`."""
        async with self.reading:
            session, _ = await asyncio.to_thread(self.store.find_session, self.channel)
        return session.began if session else None

    async def captions_between(self, start: float, end: float) -> list[Caption]:
        """The captions that begin in a part of the session's clock, in seconds. Raises `StoreError`."""
        async with self.reading:
            return await asyncio.to_thread(self._load_between, start, end)

    def _load_between(self, start: float, end: float) -> list[Caption]:
        session, names = self.store.find_session(self.channel)
        if session is None:
            return []
        found = self.store.captions_between(session.id, self.language, start, end, self.limit)
        return [apply_names(caption, names) for caption in found]

    def _load(self, after: int) -> tuple[int, list[tuple[int, Caption]]]:
        session, names = self.store.find_session(self.channel)
        if session is None:
            return 0, []
        found = self.store.captions(session.id, self.language, self.limit, after)
        return session.sequence, [(sequence, apply_names(caption, names)) for sequence, caption in found]
