"""The order in which an engine serves sources: earliest deadline first, with equal shares for tenants. Pure."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from typing import Generic, TypeVar

T = TypeVar("T")

CURRENT_TENANT: ContextVar[str] = ContextVar("CURRENT_TENANT", default="")
"""The tenant for whom the current thread works."""


_AWAY = 5.0  # seconds; a source that speaks asks more often


class Shares:
    """The time that each tenant has used. The one with the least is next.

    Only tenants that wait or are being served count. One that has been away begins with what the least of those here
    has used, so it is not given the time that it did not use.
    """

    def __init__(self) -> None:
        self._used: dict[str, float] = {}  # seconds
        self._here: Counter[str] = Counter()
        self._least = 0.0

    def __getitem__(self, tenant: str) -> float:
        """The seconds that a tenant has used, for comparisons."""
        return self._used.get(tenant, self._least)

    def __len__(self) -> int:
        """The number of tenants that are remembered."""
        return len(self._used)

    def enter(self, tenant: str) -> None:
        """Note that something of a tenant waits or is being served, until `leave` is called."""
        if not self._here[tenant]:
            self._used[tenant] = max(self[tenant], self._least)
        self._here[tenant] += 1

    def leave(self, tenant: str, seconds: float = 0.0) -> None:
        """Note that this has been served in ``seconds``, or waits no longer."""
        self._used[tenant] += seconds
        self._here[tenant] -= 1
        if not self._here[tenant]:
            del self._here[tenant]
        self._least = max(self._least, min((self._used[one] for one in self._here), default=self._used[tenant]))
        for one in self._used.keys() - self._here.keys():
            if self._used[one] <= self._least:
                del self._used[one]  # it would begin there anyway


class Places:
    """How many of a fixed number of places each tenant may take.

    A single tenant may take all. Several get equal parts of half of them: what is being served at the same time shares
    the processor, whatever its order was, and the other half only saves pauses between two turns. A tenant counts until
    it has been away for some seconds.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken: Counter[str] = Counter()
        self._seen: dict[str, float] = {}

    def see(self, tenant: str, now: float) -> None:
        """Note that a tenant wants a place; times are in seconds."""
        self._seen[tenant] = now
        self._seen = {one: when for one, when in self._seen.items() if now - when < _AWAY or self._taken[one]}

    def take(self, tenant: str) -> None:
        self._taken[tenant] += 1

    def release(self, tenant: str) -> None:
        self._taken -= Counter([tenant])

    def has_room(self, tenant: str) -> bool:
        """Whether a tenant may take another place."""
        several = len(self._seen) > 1
        return self._taken[tenant] < (max(1, self._places // (2 * len(self._seen))) if several else self._places)


class FairQueue(Generic[T]):
    """Items that wait, by tenant and deadline.

    What is due goes before what is not. Among tenants with something due, the one is next that has used the least
    time, so that one with many sources delays its own captions and not those of others. Everything else goes by the
    earliest deadline; with a single tenant, that is all there is.
    """

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._waiting: dict[str, list[tuple[float, int, T]]] = {}
        self._tickets = itertools.count()

    def __len__(self) -> int:
        return sum(len(items) for items in self._waiting.values())

    def push(self, tenant: str, deadline: float, item: T) -> None:
        """Add an item; ``deadline`` is in seconds, on the clock of `pop`."""
        heapq.heappush(self._waiting.setdefault(tenant, []), (deadline, next(self._tickets), item))

    def pop(self, now: float, may_go: Callable[[str], bool] = lambda tenant: True) -> T:
        """Remove the next item of the tenants that ``may_go``; those with a deadline until ``now`` are due.

        Raises `IndexError` if there is none.
        """
        candidates = [tenant for tenant in self._waiting if may_go(tenant)]
        if not candidates:
            raise IndexError("nothing may go")
        if due := [tenant for tenant in candidates if self._waiting[tenant][0][0] <= now]:
            tenant = min(due, key=lambda one: (self._shares[one], self._waiting[one][0]))
        else:
            tenant = min(candidates, key=lambda one: self._waiting[one][0])
        items = self._waiting[tenant]
        _, _, item = heapq.heappop(items)
        if not items:
            del self._waiting[tenant]
        return item
