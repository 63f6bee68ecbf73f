"""How far outputs have come, in the database that services share."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

import msgspec
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.engine import Connection

from surtitle.outputs.progress import Progress, ProgressLost
from surtitle.store.database import StoreError
from surtitle.store.journal import Store, upsert
from surtitle.store.tables import CHANNEL_HOSTS, OUTPUT_PROGRESS

log = logging.getLogger("surtitle.outputs")

_GRACE = 3.0  # seconds that the service which had the channel before has to store what it has just sent
_POLL_INTERVAL = 0.2  # seconds; nothing tells a service that another one has changed the database
_PAUSE = 10.0  # seconds without checks after the database did not answer: captions are sent all the same


class SharedProgress:
    """A `ProgressStore` for services that share a database.

    Who captions a channel (`Store.take_over`) may claim the progress of its outputs. The service that had it before
    sends nothing more from then on, but may still store what it has just sent, until the progress is claimed.
    """

    def __init__(self, store: Store) -> None:
        self._database = store.database
        self._host = store.host
        self._unchecked_until = float("-inf")  # by `time.monotonic`
        self._failing = False

    async def claim(self, channel: str, output: str) -> Progress:
        """Raises `ProgressLost`, `StoreError`."""
        deadline = time.monotonic() + _GRACE
        while True:
            found = await asyncio.to_thread(self._claim, channel, output, time.monotonic() > deadline)
            if found is not None:
                return found
            await asyncio.sleep(_POLL_INTERVAL)

    async def check(self, channel: str, output: str) -> None:
        """Raises `ProgressLost`."""
        if time.monotonic() < self._unchecked_until:
            return
        try:
            await asyncio.to_thread(self._check, channel, output)
        except StoreError:  # while the database is down, no other service can take the channel over
            self._unchecked_until = time.monotonic() + _PAUSE

    async def put(self, channel: str, output: str, progress: Progress) -> None:
        """Raises `ProgressLost`."""
        try:
            await asyncio.to_thread(self._put, channel, output, progress)
            self._failing = False
        except StoreError as error:  # the next one is put with everything that this one says
            if not self._failing:
                log.error("%s, and may be sent twice if their channel moves meanwhile", error.message.rstrip("."))
            self._failing = True

    async def release(self, channel: str, output: str) -> None:
        with suppress(StoreError):  # then the next service waits a moment
            await asyncio.to_thread(self._release, channel, output)

    async def pause(self, channel: str, output: str) -> None:
        """Raises `ProgressLost`, `StoreError`."""
        progress = await self.claim(channel, output)
        await self.put(channel, output, Progress(progress.target, progress.sequence))
        await self.release(channel, output)

    async def forget(self, channel: str, output: str) -> None:
        """Raises `ProgressLost`, `StoreError`."""
        await asyncio.to_thread(self._forget, channel, output)

    def _claim(self, channel: str, output: str, now: bool) -> Progress | None:
        """The progress; None if another service may be about to store it, unless it has to be claimed ``now``."""
        with self._database.begin() as connection:
            self._check_host(connection, channel)
            row = connection.execute(select(OUTPUT_PROGRESS).where(*_where(channel, output)).with_for_update()).first()
            if row is not None and row.host not in ("", self._host) and not now:
                return None
            progress = Progress() if row is None else _decode(row.progress)
            self._write_row(connection, channel, output, progress)
        return progress

    def _check(self, channel: str, output: str) -> None:
        with self._database.connect() as connection:
            self._check_host(connection, channel)
            self._check_claim(connection, channel, output)

    def _put(self, channel: str, output: str, progress: Progress) -> None:
        with self._database.begin() as connection:
            changed = update(OUTPUT_PROGRESS).where(*self._mine(channel, output))
            if not connection.execute(changed.values(progress=msgspec.json.encode(progress))).rowcount:
                self._check_claim(connection, channel, output)

    def _release(self, channel: str, output: str) -> None:
        with self._database.begin() as connection:
            connection.execute(update(OUTPUT_PROGRESS).where(*self._mine(channel, output)).values(host=""))

    def _forget(self, channel: str, output: str) -> None:
        with self._database.begin() as connection:
            self._check_host(connection, channel)
            connection.execute(delete(OUTPUT_PROGRESS).where(*_where(channel, output)))

    def _write_row(self, connection: Connection, channel: str, output: str, progress: Progress) -> None:
        row = {"channel": channel, "output": output, "host": self._host, "progress": msgspec.json.encode(progress)}
        upsert(connection, OUTPUT_PROGRESS, [row], ["channel", "output"])

    def _check_host(self, connection: Connection, channel: str) -> None:
        """Raises `ProgressLost`. A channel of which nothing is stored has no host."""
        host = connection.execute(select(CHANNEL_HOSTS.c.host).where(CHANNEL_HOSTS.c.channel == channel)).scalar()
        if host not in (None, self._host):
            raise ProgressLost("Another service has this channel now, and sends its captions.")

    def _check_claim(self, connection: Connection, channel: str, output: str) -> None:
        """Raises `ProgressLost`."""
        host = connection.execute(select(OUTPUT_PROGRESS.c.host).where(*_where(channel, output))).scalar()
        if host != self._host:
            raise ProgressLost("Another service has this output now, and sends its captions.")

    def _mine(self, channel: str, output: str) -> tuple[ColumnElement[bool], ...]:
        return (*_where(channel, output), OUTPUT_PROGRESS.c.host == self._host)


def _where(channel: str, output: str) -> tuple[ColumnElement[bool], ...]:
    return OUTPUT_PROGRESS.c.channel == channel, OUTPUT_PROGRESS.c.output == output


def _decode(stored: bytes) -> Progress:
    try:
        return msgspec.json.decode(stored, type=Progress)
    except msgspec.DecodeError as error:
        log.warning("the progress of an output cannot be read (%s): it begins with the next caption", error)
        return Progress()
