"""What channels were told, on disk: settings and styles survive a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from sqlalchemy import Column, LargeBinary, MetaData, String, Table, create_engine, delete, event, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from service.channels.channel import Channel
from service.channels.settings import ChannelSettings
from service.channels.style import Style
from service.errors import SurtitleError

log = logging.getLogger("surtitle.store")

_FILE = "surtitle.db"
_WAIT = 0.3  # seconds in which changes are collected
_RETRY = 5.0  # seconds until a write is tried again that failed
_BUSY = 2.0  # seconds that another program may hold the file

_METADATA = MetaData()
_CHANNELS = Table(
    "channels", _METADATA, Column("name", String(64), primary_key=True), Column("told", LargeBinary, nullable=False)
)


class StoreError(SurtitleError):
    """What is on disk cannot be read or written."""

    code = "store_failed"


@dataclass(frozen=True, slots=True)
class Told:
    """All that a channel was told. Fields of later versions are ignored, and those that are missing have defaults."""

    settings: ChannelSettings = field(default_factory=ChannelSettings)
    styles: dict[str, Style] = field(default_factory=dict)


class Store:
    """A SQLite file in a folder; blocks, for threads. It holds OBS's password, so only its owner may read it."""

    def __init__(self, folder: Path) -> None:
        """Raises `StoreError`."""
        self.path = folder / _FILE
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            self._engine = create_engine(f"sqlite:///{self.path}", connect_args={"timeout": _BUSY})
            event.listen(self._engine, "connect", _durable)
            _METADATA.create_all(self._engine)
            self.loaded = self._load()
            """What was there, by channel's name."""
        except (OSError, SQLAlchemyError) as error:
            raise StoreError(
                f"{self.path} cannot be used ({_reason(error)}): choose another folder with --data-dir, "
                "or move the file away."
            ) from error

    def _load(self) -> dict[str, Told]:
        """What cannot be understood is left out, and told to the log."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_CHANNELS.c.name, _CHANNELS.c.told)).all()
        found = {}
        for name, told in rows:
            try:
                found[name] = msgspec.json.decode(told, type=Told)
            except msgspec.DecodeError as error:
                log.warning("what channel %s was told cannot be read (%s): it begins anew", name, error)
        return found

    def save(self, told: dict[str, Told]) -> None:
        """All of it or nothing. Raises `StoreError`."""
        try:
            with self._engine.begin() as connection:
                _write(connection, told)
        except SQLAlchemyError as error:
            raise StoreError(
                f"Settings cannot be saved to {self.path} ({_reason(error)}): they last until it is stopped."
            ) from error

    def close(self) -> None:
        self._engine.dispose()


class Keeper:
    """Owns the task that writes what was changed, a moment later."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changed: set[Channel] = set()
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="keeper")
        self.problem = ""

    def note(self, channel: Channel) -> None:
        """This channel was told something."""
        self._changed.add(channel)
        self._wake.set()

    async def close(self) -> None:
        """Write what is left."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._save()
        await asyncio.to_thread(self._store.close)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(_WAIT)
            if not await self._save():
                await asyncio.sleep(_RETRY)
                self._wake.set()

    async def _save(self) -> bool:
        changed, self._changed = self._changed, set()
        if not changed:
            return True
        try:
            await asyncio.shield(asyncio.to_thread(self._store.save, _told(changed)))
        except StoreError as error:
            self._changed |= changed
            if error.message != self.problem:
                log.error("%s", error)
            self.problem = error.message
            return False
        self.problem = ""
        return True


def _told(channels: Iterable[Channel]) -> dict[str, Told]:
    """That a channel is paused is not kept: nobody wants to find it silent tomorrow."""
    return {channel.name: Told(replace(channel.settings, paused=False), dict(channel.styles)) for channel in channels}


def _write(connection: Connection, told: dict[str, Told]) -> None:
    connection.execute(delete(_CHANNELS).where(_CHANNELS.c.name.in_(told)))
    rows = [{"name": name, "told": msgspec.json.encode(one)} for name, one in told.items() if one != Told()]
    if rows:
        connection.execute(insert(_CHANNELS), rows)


def _durable(connection: object, _: object) -> None:
    """Readers and the writer do not wait for each other, and what was written outlives a power failure."""
    cursor = connection.cursor()  # type: ignore[attr-defined]  # sqlite3's own
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error)
