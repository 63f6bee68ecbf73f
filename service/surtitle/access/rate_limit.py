"""Limits how often an IP address may do something, with a token bucket for each. Pure."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress

_MAX_ADDRESSES = 10_000  # the least recently seen is evicted first


class RateLimiter:
    """Allows each address ``per_minute`` actions per minute, all of which may come at once."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = float(per_minute)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> bool:
        """Count one action; False if it exceeds the limit."""
        key, now = get_network(address), self._clock()
        tokens, when = self._buckets.pop(key, (self._capacity, now))
        tokens = min(self._capacity, tokens + (now - when) * self._capacity / 60)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > _MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return allowed


def get_network(address: str) -> str:
    """What is counted as one address: for IPv6 the first 64 bits, because one customer owns all that follow."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


def is_loopback(address: str) -> bool:
    """Whether the address is this computer's own."""
    try:
        return ipaddress.ip_address(get_network(address).partition("/")[0]).is_loopback or address == "::1"
    except ValueError:
        return False


def is_in(address: str, networks: Iterable[str]) -> bool:
    """Whether the address is one of ``networks``, or in one; "*" has all. Anything else is in none."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    for network in networks:
        with suppress(ValueError):
            if network == "*" or found in ipaddress.ip_network(network, strict=False):
                return True
    return False
