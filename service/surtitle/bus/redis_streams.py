"""Tracks as Redis Streams: the id of an entry is the event's sequence number, so nothing is ever in there twice."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from surtitle.bus.track_event import CLEAR, TrackEvent, TrackName, unpack_event
from surtitle.core.errors import SurtitleError

log = logging.getLogger("surtitle.bus")

_PREFIX = "surtitle"
_SERVICES = f"{_PREFIX}:services"
_MAX_EVENTS = 1000  # events kept of each track; followers find older captions in the database
_EXPIRY = 86_400  # seconds after the last event until a track is removed
_TIMEOUT = 5.0  # seconds for an answer
_MAX_READ = 500  # events of a track in one answer
_MAX_REQUESTS = 50  # requests for languages that wait for the service that captions the channel
_INSTALL = "A bus needs its client: pip install 'surtitle[bus]'."


class BusError(SurtitleError):
    """The bus cannot be used."""

    code = "bus_failed"
    status = 503


class Superseded(BusError):
    """Another service captions the channel now."""


class Request(NamedTuple):
    """That a channel is to be translated into a ``language``, or that ``host`` captions it from now on."""

    language: str
    host: str


class RedisStreams:
    """A connection pool to Redis, or to what speaks like it (Valkey, KeyDB, cloud services).

    All methods raise `BusError` when the server cannot be reached or does not answer in time.
    """

    def __init__(self, url: str) -> None:
        """``url`` begins with redis:// or rediss://. Raises `BusError`."""
        try:
            from redis import exceptions
            from redis.asyncio import Redis
        except ImportError as error:
            raise BusError(_INSTALL) from error
        self._errors: tuple[type[Exception], ...] = (exceptions.RedisError, OSError, TimeoutError)
        self._refused: type[Exception] = exceptions.ResponseError
        try:
            self._client: Any = Redis.from_url(
                url, socket_timeout=None, socket_connect_timeout=_TIMEOUT, health_check_interval=0
            )
        except ValueError as error:
            raise BusError("The bus must be an address such as redis://127.0.0.1:6379/0.") from error
        self.name = _without_password(url)
        self._service = secrets.token_hex(6)

    async def close(self) -> None:
        await self._client.aclose()

    async def exists(self, track: TrackName) -> bool:
        """Whether there are events of a track."""
        return bool(await self._run(self._client.exists(_stream(track))))

    async def append(self, track: TrackName, events: Sequence[TrackEvent], state: Mapping[str, TrackEvent]) -> None:
        """Append events to a track, in order of their numbers, and replace the entries of its ``state``.

        What has been cleared is removed.

        Raises `Superseded` if the track ends with an event of another service, behind the first of these.
        """
        stream = _stream(track)
        pipeline = self._client.pipeline(transaction=True)
        for event in events:
            pipeline.xadd(stream, event.pack(), id=f"{event.number}-0", maxlen=_MAX_EVENTS, approximate=True)
        for event in events:
            if event.name == CLEAR:
                pipeline.xtrim(stream, minid=f"{event.number}-0", approximate=False)
        _put_state(pipeline, track, state)
        pipeline.expire(stream, _EXPIRY)
        try:
            await self._run(pipeline.execute())
        except BusError as error:
            if not isinstance(error.__cause__, self._refused):
                raise
            last = await self.last(track)
            if last is None or last.host == events[0].host:
                raise
            raise Superseded("Another service captions this channel now.") from error

    async def replace_state(self, track: TrackName, state: Mapping[str, TrackEvent]) -> None:
        """Replace the whole state of a track, whatever service it is from."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.delete(_state(track))
        _put_state(pipeline, track, state)
        await self._run(pipeline.execute())

    async def last(self, track: TrackName) -> TrackEvent | None:
        """The last event of a track."""
        return next(iter(await self.newest(track, 1)), None)

    async def newest(self, track: TrackName, count: int = _MAX_EVENTS) -> list[TrackEvent]:
        """The last ``count`` events of a track, oldest first."""
        entries = await self._run(self._client.xrevrange(_stream(track), count=count))
        return _unpack(entries)[::-1]

    async def state(self, track: TrackName) -> list[TrackEvent]:
        """The newest event of each key that is not a caption's, in order of their numbers."""
        found = await self._run(self._client.hgetall(_state(track)))
        events = [event for value in found.values() if (event := _unpack_state(value)) is not None]
        return sorted(events, key=lambda event: event.number)

    async def read(self, after: Mapping[TrackName, int], wait: float) -> dict[TrackName, list[TrackEvent]]:
        """The events after a sequence number of each track; waits at most ``wait`` seconds for the first one."""
        names = {_stream(track).encode(): track for track in after}
        found = await self._read({_stream(track): f"{number}-0" for track, number in after.items()}, wait)
        return {names[name]: _unpack(entries) for name, entries in found}

    async def request_language(self, track: TrackName) -> None:
        """Ask the service that captions the channel to translate it, for a while."""
        await self._request(track.channel, {"l": track.language})

    async def announce_host(self, channel: str, host: str) -> None:
        """Tell the service that has captioned the channel until now that another one does."""
        await self._request(channel, {"h": host})

    async def read_requests(self, channel: str, after: str, wait: float) -> tuple[str, list[Request]]:
        """The requests to the service that captions a channel since a position, and the position after them.

        See `position_at`. Waits at most ``wait`` seconds for the first one.
        """
        found = await self._read({_requests(channel): after}, wait)
        entries = found[0][1] if found else []
        requests = [Request(fields.get(b"l", b"").decode(), fields.get(b"h", b"").decode()) for _, fields in entries]
        return entries[-1][0].decode() if entries else after, requests

    async def announce(self, announcement: bytes, expiry: float) -> None:
        """Let other services know what this one says of itself, for ``expiry`` seconds."""
        now = time.time()
        pipeline = self._client.pipeline(transaction=True)
        pipeline.set(_announcement(self._service), announcement, px=round(1000 * expiry))
        pipeline.zadd(_SERVICES, {self._service: now})
        pipeline.zremrangebyscore(_SERVICES, "-inf", now - _EXPIRY)
        await self._run(pipeline.execute())

    async def withdraw_announcement(self) -> None:
        """Say nothing of this service any more."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.delete(_announcement(self._service))
        pipeline.zrem(_SERVICES, self._service)
        await self._run(pipeline.execute())

    async def read_announcements(self) -> list[bytes]:
        """What other services say of themselves, always in the same order."""
        services = sorted(one.decode() for one in await self._run(self._client.zrange(_SERVICES, 0, -1)))
        keys = [_announcement(one) for one in services if one != self._service]
        return [one for one in await self._run(self._client.mget(keys)) if one is not None] if keys else []

    async def _request(self, channel: str, fields: dict[str, str]) -> None:
        key = _requests(channel)
        pipeline = self._client.pipeline(transaction=False)
        pipeline.xadd(key, fields, maxlen=_MAX_REQUESTS, approximate=True)
        pipeline.expire(key, _EXPIRY)
        await self._run(pipeline.execute())

    async def _read(self, after: Mapping[str, str], wait: float) -> list[tuple[bytes, list[Any]]]:
        milliseconds = max(1, round(1000 * wait))
        command = self._client.xread(dict(after), count=_MAX_READ, block=milliseconds)
        answer = await self._run(command, wait + _TIMEOUT)
        pairs = answer.items() if isinstance(answer, dict) else answer or ()  # version 3 of the protocol has a map
        return [(name, entries[0] if isinstance(answer, dict) else entries) for name, entries in pairs if entries]

    async def _run(self, command: Awaitable[Any], timeout: float = _TIMEOUT) -> Any:
        try:
            async with asyncio.timeout(timeout):
                return await command
        except self._errors as error:
            reason = str(error) or "it does not answer"
            raise BusError(f"The bus {self.name} cannot be used ({reason}): make sure that it runs.") from error


def position_at(seconds: float) -> str:
    """The position after which requests are found that were made since a time in seconds since 1970."""
    return f"{round(1000 * seconds)}-0"


def _stream(track: TrackName) -> str:
    return f"{_PREFIX}:track:{track.channel}:{track.language}"


def _state(track: TrackName) -> str:
    return f"{_PREFIX}:state:{track.channel}:{track.language}"


def _announcement(service: str) -> str:
    return f"{_PREFIX}:service:{service}"


def _requests(channel: str) -> str:
    return f"{_PREFIX}:requests:{channel}"


def _unpack(entries: Sequence[tuple[bytes, Mapping[bytes, bytes]]]) -> list[TrackEvent]:
    events = []
    for entry, fields in entries:
        try:
            events.append(unpack_event(int(entry.partition(b"-")[0]), fields))
        except ValueError as error:
            log.error("an entry of the bus cannot be read: %s", error)
    return events


def _put_state(pipeline: Any, track: TrackName, state: Mapping[str, TrackEvent]) -> None:
    if state:
        pipeline.hset(_state(track), mapping={key: msgspec.msgpack.encode(event) for key, event in state.items()})
        pipeline.expire(_state(track), _EXPIRY)


def _unpack_state(value: bytes) -> TrackEvent | None:
    try:
        return msgspec.msgpack.decode(value, type=TrackEvent)
    except msgspec.DecodeError as error:
        log.error("a state on the bus cannot be read: %s", error)
        return None


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
