"""How often an address may do something: a bucket that fills again (token bucket). Pure."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

_REMEMBERED = 10_000  # addresses; who was away longest is forgotten first


class RateLimiter:
    """So many a minute for each address; all of a minute may come at once."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> bool:
        """Once more; False if it is too often."""
        key, now = network(address), self._clock()
        left, when = self._left.pop(key, (self._most, now))
        left = min(self._most, left + (now - when) * self._most / 60)
        allowed = left >= 1
        self._left[key] = (left - 1 if allowed else left, now)
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        return allowed


def network(address: str) -> str:
    """What counts as one address: of IPv6 the first 64 bits, since one customer has all that follow."""
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
    """Whether it is this computer itself."""
    try:
        return ipaddress.ip_address(network(address).partition("/")[0]).is_loopback or address == "::1"
    except ValueError:
        return False
