"""The bus of a service: publishes the channels that it captions, and follows those that its readers read."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from surtitle.bus.directory import Announcement, ServiceDirectory
from surtitle.bus.followed_track import FollowedTrack, StoredTrack
from surtitle.bus.follower import Follower
from surtitle.bus.publisher import ChannelPublisher
from surtitle.bus.redis_streams import BusError, RedisStreams
from surtitle.bus.stored_tracks import DatabaseTrack, StoredTracks
from surtitle.channels.channel import Channel
from surtitle.channels.hub import Hub
from surtitle.core.notifier import Notifier
from surtitle.core.wire.status import ChannelStatus
from surtitle.store.journal import Store
from surtitle.translation.translations import Translations

log = logging.getLogger("surtitle.bus")

_READY_TIMEOUT = 10.0  # seconds in which a track has to be there for a reader
_FLUSH_TIMEOUT = 1.0  # seconds for the last captions when the service stops


class Bus:
    """Owns a publisher for each channel that this service captions, and the follower. A `ChannelObserver`."""

    def __init__(
        self,
        url: str,
        hub: Hub,
        translations: Translations,
        store: Store | None,
        limit: int,
        changes: Notifier,
        name: str = "",
    ) -> None:
        """``limit`` is the number of captions of a session that are kept. ``name`` is the service's, for people.

        ``changes`` is notified of what changes in the channels of other services. Raises `BusError`.
        """
        self._hub = hub
        self._translations = translations
        self._streams = RedisStreams(url)
        self._stored = StoredTracks(store, limit) if store else None
        self._publishers: dict[Channel, ChannelPublisher] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._follower = Follower(self._streams, self._stored_track)
        self._name = name or socket.gethostname()
        self._directory = ServiceDirectory(self._streams, self._announce, changes.notify)

    @property
    def problem(self) -> str:
        """Why captions are not exchanged with other services, in one sentence; empty if they are."""
        problems = (one.problem for one in self._publishers.values())
        return self._follower.problem or next((one for one in problems if one), "")

    async def refresh(self) -> None:
        """Learn the channels of other services, for `list_all`, unless they are known."""
        await self._directory.refresh()

    def list_all(self, local: Sequence[ChannelStatus]) -> list[ChannelStatus]:
        """The channels of this service (``local``) and of all others; their ``service`` says of which."""
        return self._directory.complete(local, self._hub.readers, self._is_own)

    def follow(self, channel: str, language: str | None) -> AbstractAsyncContextManager[FollowedTrack]:
        """The track for a reader; None is the original. Raises `BusError` if the bus does not answer."""
        return self._follower.follow(channel, language or "", _READY_TIMEOUT)

    async def stored_track(self, channel: Channel, language: str | None) -> DatabaseTrack | None:
        """The track of a channel that another service captions, in the database; None of others, and without one.

        A translation is requested for a while. Raises `BusError`.
        """
        if self._stored is None or self._hub.hosts(channel):
            return None
        if language is not None:
            async with self.follow(channel.name, language):
                pass  # it is followed for half a minute, and requested meanwhile
        return self._stored.of(channel.name, language or "")

    def apply(self, channel: Channel) -> None:
        """Publish the channel if it is captioned here, and no longer if it is not."""
        hosts, publisher = self._hub.hosts(channel), self._publishers.get(channel)
        if hosts and publisher is None:
            host = secrets.token_hex(6)  # another one each time, so that it is not taken for what it was before
            self._publishers[channel] = ChannelPublisher(channel, self._streams, self._translations, host, self.release)
        elif not hosts and publisher is not None:
            del self._publishers[channel]
            self._end(publisher.close())

    def describe(self, channel: Channel) -> dict[str, Any]:
        return {}

    def release(self, channel: Channel) -> None:
        """Give up a channel that another service has taken over."""
        self._end(self._hub.release(channel))

    async def close(self) -> None:
        """Publish the last captions, and end everything."""
        try:
            async with asyncio.timeout(_FLUSH_TIMEOUT):
                await asyncio.gather(*(one.flush() for one in self._publishers.values()))
        except (BusError, TimeoutError) as error:
            log.warning("the last captions did not reach the bus: %s", error or "it does not answer")
        await asyncio.gather(*(one.close() for one in self._publishers.values()), *self._ending)
        await self._directory.close()
        await self._follower.close()
        await self._streams.close()

    def _announce(self) -> Announcement:
        channels = [dict(one) for one in self._hub.snapshot() if self._is_own(one["name"])]
        return Announcement(self._name, channels, self._hub.readers.by_channel())

    def _is_own(self, name: str) -> bool:
        channel = self._hub.find_channel(name)
        return channel is not None and self._hub.hosts(channel)

    def _stored_track(self, channel: str, language: str) -> StoredTrack | None:
        return self._stored.of(channel, language) if self._stored else None

    def _end(self, ending: Any) -> None:
        task = asyncio.create_task(ending, name="bus change")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
