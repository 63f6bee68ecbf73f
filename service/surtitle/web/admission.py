"""Room for clients: how many read, how often one address starts, how many bytes a source may send."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.requests import HTTPConnection

from surtitle.access.rate_limit import RateLimiter, is_loopback, network
from surtitle.channels.channel import Channel
from surtitle.channels.hub import Hub
from surtitle.core.errors import TooMany
from surtitle.core.settings import Limits
from surtitle.web.guard import address_of

_BURST = 30.0  # seconds of the lasting rate that may come at once


class Room:
    """Counts by address, beside what the hub counts. This computer itself, and so a proxy on it, is no address."""

    def __init__(self, hub: Hub, limits: Limits) -> None:
        self._hub = hub
        self._limits = limits
        self._starts = RateLimiter(limits.starts)
        self._readers: Counter[str] = Counter()

    def check_start(self, connection: HTTPConnection) -> None:
        """One more source is to be started. Raises `TooMany`."""
        address = _counted(connection)
        if address and not self._starts.take(address):
            raise TooMany(f"One address may start {self._limits.starts} sources a minute: wait a little.")

    def check_reader(self, connection: HTTPConnection, channel: Channel) -> None:
        """One more reader is to come. Raises `TooMany`."""
        address, limits, readers = _counted(connection), self._limits, self._hub.readers
        if sum(readers.values()) >= limits.readers:
            raise TooMany(f"{limits.readers} readers are connected already: close some first.")
        if readers.get(channel.name, 0) >= limits.readers_per_channel:
            raise TooMany(f"{limits.readers_per_channel} readers read this channel already: close some first.")
        if address and self._readers[address] >= limits.readers_per_address:
            raise TooMany(f"{limits.readers_per_address} readers are at this address already: close some first.")

    @contextmanager
    def reader(self, connection: HTTPConnection, channel: Channel) -> Iterator[None]:
        """One more reader, for as long as the block lasts."""
        address, readers = _counted(connection), self._hub.readers
        readers[channel.name] = readers.get(channel.name, 0) + 1
        self._readers[address] += 1
        try:
            yield
        finally:
            readers[channel.name] -= 1
            if not readers[channel.name]:
                del readers[channel.name]
            self._readers -= Counter([address])


class ByteRateLimit:
    """Bytes of one source: a bucket that fills at a rate and holds half a minute of it."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._left, self._when = _BURST * rate, clock()

    def take(self, size: int) -> float:
        """So many bytes came; seconds until there is room for them, 0 if there was."""
        now = self._clock()
        self._left = min(_BURST * self._rate, self._left + (now - self._when) * self._rate) - size
        self._when = now
        return max(0.0, -self._left / self._rate)


def _counted(connection: HTTPConnection) -> str:
    """The address that counts; "" for this computer itself."""
    address = address_of(connection)
    return "" if is_loopback(address) else network(address)
