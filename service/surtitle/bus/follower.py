"""Follows the tracks that have readers here and are captioned by any of the services that share the bus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from surtitle.bus.followed_track import FollowedTrack, StoredTrack
from surtitle.bus.redis_streams import BusError, RedisStreams
from surtitle.bus.track_event import TrackName
from surtitle.core.tasks import cancel_and_wait

log = logging.getLogger("surtitle.bus")

_WAIT = 0.25  # seconds for which a request waits for events: new tracks are followed after that at the latest
_RETRY_DELAY = 0.5  # seconds until a bus that failed is tried again
_LINGER = 30.0  # seconds for which a track is followed after its last reader has left
_REQUEST_INTERVAL = 10.0  # seconds after which a language is requested again


@dataclass(slots=True)
class _Following:
    track: FollowedTrack
    readers: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    leaving: asyncio.TimerHandle | None = None


class Follower:
    """Owns one task that reads all followed tracks from the bus. ``stored`` makes the stored part of a track."""

    def __init__(self, streams: RedisStreams, stored: Callable[[str, str], StoredTrack | None]) -> None:
        self._streams = streams
        self._stored = stored
        self._following: dict[TrackName, _Following] = {}
        self._changed = asyncio.Event()
        self._reading = asyncio.create_task(self._run(), name="bus follower")
        self._requesting = asyncio.create_task(self._request_languages(), name="bus requests")
        self.problem = ""
        """Why captions of other services do not arrive, in one sentence; empty if they do."""

    @asynccontextmanager
    async def follow(self, channel: str, language: str, timeout: float) -> AsyncIterator[FollowedTrack]:
        """The track, which is followed as long as the block runs, and translated if it is a translation.

        Raises `BusError` if the bus does not answer within ``timeout`` seconds.
        """
        name = TrackName(channel, language)
        following = self._following.get(name)
        if following is None:
            following = self._following[name] = _Following(FollowedTrack(self._stored(channel, language)))
            self._changed.set()
        if following.leaving is not None:
            following.leaving.cancel()
        following.readers += 1
        try:
            try:
                await asyncio.wait_for(following.ready.wait(), timeout)
            except TimeoutError as error:
                raise BusError(self.problem or f"The bus {self._streams.name} does not answer: try again.") from error
            yield following.track
        finally:
            following.readers -= 1
            if not following.readers:
                following.leaving = asyncio.get_running_loop().call_later(_LINGER, self._leave, name)

    async def close(self) -> None:
        for following in self._following.values():
            if following.leaving is not None:
                following.leaving.cancel()
            following.track.feed.close()
        await cancel_and_wait(self._reading, self._requesting)

    def _leave(self, name: TrackName) -> None:
        self._following.pop(name, None)

    async def _run(self) -> None:
        while True:
            try:
                await self._read()
                self.problem = ""
            except BusError as error:
                if error.message != self.problem:
                    log.error("%s", error)
                self.problem = error.message
                await asyncio.sleep(_RETRY_DELAY)
            except Exception:
                log.exception("an event of the bus could not be taken")
                await asyncio.sleep(_RETRY_DELAY)

    async def _read(self) -> None:
        for name, one in list(self._following.items()):
            if not one.ready.is_set():
                await self._begin(name, one)
        followed = dict(self._following)
        if not followed:
            self._changed.clear()
            await self._changed.wait()
            return
        found = await self._streams.read({name: one.track.feed.last for name, one in followed.items()}, _WAIT)
        for name, events in found.items():
            for event in events:
                followed[name].track.take(event)

    async def _begin(self, name: TrackName, following: _Following) -> None:
        if name.language:
            await self._streams.request_language(name)
        state = await self._streams.state(name)
        following.track.begin(state, await self._streams.newest(name))
        following.ready.set()

    async def _request_languages(self) -> None:
        while True:
            await asyncio.sleep(_REQUEST_INTERVAL)
            for name, following in list(self._following.items()):
                if name.language and following.readers:
                    try:
                        await self._streams.request_language(name)
                    except BusError as error:
                        log.info("the language %s of %s was not requested: %s", name.language, name.channel, error)
