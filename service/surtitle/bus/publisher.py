"""Publishes the tracks of a channel that this service captions to the bus."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from surtitle.bus.redis_streams import BusError, RedisStreams, Superseded, position_at
from surtitle.bus.track_event import TrackEvent, TrackName
from surtitle.channels.channel import Channel
from surtitle.channels.feed import Event
from surtitle.channels.track import Track
from surtitle.core.errors import SurtitleError
from surtitle.core.tasks import cancel_and_wait
from surtitle.outputs.track_readers import TrackReaders
from surtitle.translation.translations import Translations

log = logging.getLogger("surtitle.bus")

_BATCH = 100  # events in one transaction
_IDLE = 30.0  # seconds after which it looks for changes in any case
_RETRY_DELAY = 0.5  # seconds until a bus that failed is tried again
_REQUEST_WAIT = 5.0  # seconds for which a request for the languages that readers want waits
_REQUEST_AGE = 15.0  # seconds for which a request counts that was made before the channel was captioned here
_REQUESTED = 30.0  # seconds for which a language is translated after a request


class ChannelPublisher:
    """Owns the tasks that publish the tracks of one channel, and translate it as readers elsewhere request.

    Events that the bus does not accept stay in the feeds, and are published when it does. ``on_superseded`` is called
    when another service has begun to publish the channel.
    """

    def __init__(
        self,
        channel: Channel,
        streams: RedisStreams,
        translations: Translations,
        host: str,
        on_superseded: Callable[[Channel], None],
    ) -> None:
        self._channel = channel
        self._streams = streams
        self._requested = TrackReaders(translations, _REQUESTED)
        self._host = host
        self._on_superseded = on_superseded
        self._published: dict[Track, int] = {}  # the last sequence number of each track
        self._flushing = asyncio.Lock()
        self._tasks = (
            asyncio.create_task(self._publish(), name=f"bus {channel.name}"),
            asyncio.create_task(self._follow_requests(), name=f"bus requests {channel.name}"),
        )
        self.problem = ""
        """Why captions do not reach the bus, in one sentence; empty if they do."""

    async def flush(self) -> None:
        """Publish what is in the feeds now. Raises `BusError`."""
        async with self._flushing:
            for language, track in self._tracks():
                await self._publish_track(TrackName(self._channel.name, language), track)

    async def close(self) -> None:
        await cancel_and_wait(*self._tasks)
        await self._requested.close()

    def _tracks(self) -> list[tuple[str, Track]]:
        return [("", self._channel.original), *self._channel.translations.items()]

    async def _publish(self) -> None:
        while True:
            seen = self._channel.changes.count
            try:
                await self.flush()
                self.problem = ""
            except Superseded:
                self._on_superseded(self._channel)
                return
            except BusError as error:
                if error.message != self.problem:
                    log.error("%s: %s", self._channel.name, error)
                self.problem = error.message
                self._published.clear()  # it may have lost what it had
                await asyncio.sleep(_RETRY_DELAY)
                continue
            await self._channel.changes.wait(seen, _IDLE)

    async def _publish_track(self, name: TrackName, track: Track) -> None:
        number = self._published.get(track)
        if number == track.feed.last:
            return
        if number is None or (number and not await self._streams.exists(name)):  # it has lost what it had
            number = self._published[track] = await self._resume(name, track)
        events = track.feed.since(number)
        previous = max(number, track.feed.dropped_until)
        for first in range(0, len(events), _BATCH):
            batch = []
            for event in events[first : first + _BATCH]:
                batch.append(self._pack(event, previous, track.feed.epoch))
                previous = event.number
            state = {event.key: event for event in batch if not event.is_caption}
            await self._streams.append(name, batch, state)
            self._published[track] = previous

    async def _resume(self, name: TrackName, track: Track) -> int:
        """The number after which events have to be published: the bus may have some of them."""
        last = await self._streams.last(name)
        state = [self._pack(event, 0, track.feed.epoch) for event in track.state()]
        await self._streams.replace_state(name, {event.key: event for event in state})
        if last is None or last.epoch != track.feed.epoch:
            return 0
        if last.host != self._host and last.number >= track.feed.last > 0:
            raise Superseded("Another service captions this channel now.")
        return last.number

    def _pack(self, event: Event, previous: int, epoch: str) -> TrackEvent:
        caption = event.caption
        return TrackEvent(
            event.number,
            previous,
            event.key,
            event.name,
            event.data,
            epoch,
            self._host,
            time.time(),
            open=caption is not None and not caption.final,
            withdrawn=caption is not None and not caption.full_text,
        )

    async def _follow_requests(self) -> None:
        name, position = self._channel.name, position_at(time.time() - _REQUEST_AGE)
        announced = is_host = False
        while True:
            try:
                if not announced:
                    await self._streams.announce_host(name, self._host)
                    announced = True
                position, requests = await self._streams.read_requests(name, position, _REQUEST_WAIT)
            except BusError:
                await asyncio.sleep(_RETRY_DELAY)
                continue
            for request in requests:
                if request.language:
                    await self._translate(request.language)
                elif request.host == self._host:
                    is_host = True  # earlier announcements are outdated
                elif is_host:
                    self._on_superseded(self._channel)
                    return

    async def _translate(self, language: str) -> None:
        try:
            await self._requested.read(self._channel, language)
        except SurtitleError as error:
            log.warning("%s: a request for the language %r was refused: %s", self._channel.name, language, error)
