"""What each service says of its channels and readers, so that every dashboard shows all of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from surtitle.bus.redis_streams import BusError, RedisStreams
from surtitle.channels.readers import Readers
from surtitle.core.tasks import cancel_and_wait
from surtitle.core.wire.status import ChannelStatus

log = logging.getLogger("surtitle.bus")

_INTERVAL = 1.0  # seconds between two announcements, and between two looks at those of others
_EXPIRY = 10.0  # seconds after which a service that announces nothing is taken to be gone
_CLOSE_TIMEOUT = 1.0  # seconds
_WANTED = 30.0  # seconds for which those of others are read after somebody has asked for them


class Announcement(Struct, frozen=True):
    """The channels that a service captions, and the readers that it serves, those in OBS too, by channel."""

    service: str
    channels: list[dict[str, Any]]
    readers: dict[str, tuple[int, int]]


class ServiceDirectory:
    """Owns a task that announces what ``describe`` returns, and reads what others do while somebody wants to know.

    ``on_change`` is called when something that others announce has changed.
    """

    def __init__(
        self, streams: RedisStreams, describe: Callable[[], Announcement], on_change: Callable[[], None]
    ) -> None:
        self._streams = streams
        self._describe = describe
        self._on_change = on_change
        self._others: list[Announcement] = []
        self._raw: list[bytes] = []
        self._wanted_until = float("-inf")  # by `time.monotonic`
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="bus directory")

    def complete(
        self, local: Sequence[ChannelStatus], readers: Readers, is_own: Callable[[str], bool]
    ) -> list[ChannelStatus]:
        """The channels of this service and of all others, with the readers that each has on all of them.

        ``local`` and ``readers`` are those of this service. ``is_own`` says which channels are captioned here: of
        others, what the service says that captions them counts.
        """
        if time.monotonic() > self._wanted_until:
            self._wake.set()
        self._wanted_until = time.monotonic() + _WANTED
        found: dict[str, Any] = {one["name"]: one for one in local}
        for other in self._others:
            for channel in other.channels:
                if not is_own(channel["name"]):
                    found[channel["name"]] = {**channel, "service": other.service}
        everywhere = [one.readers for one in self._others] + [readers.by_channel()]
        for name, one in found.items():
            counts = [one_service[name] for one_service in everywhere if name in one_service]
            totals = {"readers": sum(all_ for all_, _ in counts), "obs_overlays": sum(in_obs for _, in_obs in counts)}
            found[name] = {**one, **totals}
        return list(found.values())

    async def refresh(self) -> None:
        """Read what others announce, if that has not been read recently. Without an answer, it stays as it was."""
        if time.monotonic() > self._wanted_until:
            with suppress(BusError):
                await self._read()

    async def close(self) -> None:
        """Let the others know that this service is gone; if that fails, they find out."""
        await cancel_and_wait(self._task)
        with suppress(BusError, TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._streams.withdraw_announcement()

    async def _run(self) -> None:
        while True:
            try:
                await self._streams.announce(msgspec.msgpack.encode(self._describe()), _EXPIRY)
                if time.monotonic() < self._wanted_until:
                    await self._read()
            except BusError:
                self._set_others([])
            except Exception:
                log.exception("the channels of other services cannot be listed")
            try:
                async with asyncio.timeout(_INTERVAL):
                    await self._wake.wait()
                await asyncio.sleep(_INTERVAL / 10)
            except TimeoutError:
                pass
            self._wake.clear()

    async def _read(self) -> None:
        raw = await self._streams.read_announcements()
        if raw != self._raw:
            self._raw = raw
            self._set_others([msgspec.msgpack.decode(one, type=Announcement) for one in raw])

    def _set_others(self, others: list[Announcement]) -> None:
        if others != self._others:
            self._others = others
            self._on_change()
        if not others:
            self._raw = []
