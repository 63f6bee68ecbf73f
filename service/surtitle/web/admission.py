"""Limits for clients: the number of readers and files, how often an address starts a source, and a source's bytes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.requests import HTTPConnection

from surtitle.access.rate_limit import RateLimiter, get_network, is_loopback
from surtitle.channels.channel import Channel
from surtitle.channels.hub import Hub
from surtitle.core.errors import TooMany
from surtitle.core.settings import Limits
from surtitle.core.tenants import Tenants
from surtitle.web.addresses import get_address

_OBS = "OBS/"  # in the user agent of OBS's browser sources
_BURST = 30.0  # seconds' worth of the sustained rate that may arrive at once


class AdmissionLimits:
    """Limits the readers and the started sources of a service, in total and by address, and the files of an address.

    Readers are also limited by tenant.

    Addresses of this computer, and therefore those of a proxy on it, are not limited.
    """

    def __init__(self, hub: Hub, limits: Limits, tenants: Tenants = Tenants()) -> None:
        self._hub = hub
        self._limits = limits
        self._tenants = tenants
        self._starts = RateLimiter(limits.starts)
        self._readers: Counter[str] = Counter()
        self._files: Counter[str] = Counter()

    def check_start(self, connection: HTTPConnection) -> None:
        """Count the start of a source. Raises `TooMany`."""
        address = _limited_address(connection)
        if address and not self._starts.take(address):
            raise TooMany(
                f"An address may start at most {self._limits.starts} sources per minute: try again in a minute."
            )

    def check_reader(self, connection: HTTPConnection, channel: Channel) -> None:
        """Check whether one more reader may connect. Raises `TooMany`."""
        address, limits, readers = _limited_address(connection), self._limits, self._hub.readers
        if readers.total >= limits.readers:
            raise TooMany(f"{limits.readers} readers are already connected: close some first.")
        if readers.of(channel.name) >= limits.readers_per_channel:
            raise TooMany(f"{limits.readers_per_channel} readers already read this channel: close some first.")
        tenant, limit = self._tenants.of(channel.name), limits.readers_per_tenant
        if tenant and limit and readers.of_all(lambda name: self._tenants.of(name) == tenant) >= limit:
            raise TooMany(f"{limit} readers already read the channels of {tenant}: close some first.")
        if address and self._readers[address] >= limits.readers_per_address:
            raise TooMany(
                f"{limits.readers_per_address} readers are already connected from this address: close some first."
            )

    @contextmanager
    def reader(self, connection: HTTPConnection, channel: Channel) -> Iterator[None]:
        """Count one more reader for as long as the block runs."""
        address = _limited_address(connection)
        self._readers[address] += 1
        try:
            with self._hub.readers.count(channel, in_obs=_OBS in connection.headers.get("user-agent", "")):
                yield
        finally:
            self._readers -= Counter([address])

    @contextmanager
    def file(self, connection: HTTPConnection) -> Iterator[None]:
        """Count one more file that is to be recognized, for as long as the block runs. Raises `TooMany`."""
        address, limit = _limited_address(connection), self._limits.file_requests_per_address
        if address and self._files[address] >= limit:
            raise TooMany(f"{limit} files of this address already wait to be recognized: send this one again later.")
        self._files[address] += 1
        try:
            yield
        finally:
            self._files -= Counter([address])


class ByteRateLimit:
    """The bytes of one source: a token bucket that fills at ``rate`` bytes per second and holds half a minute of it."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._left, self._when = _BURST * rate, clock()

    def take(self, size: int) -> float:
        """Count ``size`` bytes that arrived. Returns the seconds until they are within the rate, 0 if they are now."""
        now = self._clock()
        self._left = min(_BURST * self._rate, self._left + (now - self._when) * self._rate) - size
        self._when = now
        return max(0.0, -self._left / self._rate)


def _limited_address(connection: HTTPConnection) -> str:
    """The client's address as it is counted; "" for this computer itself, which is not limited."""
    address = get_address(connection)
    return "" if is_loopback(address) else get_network(address)
