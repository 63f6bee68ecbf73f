"""A compacted log of events: what is new since a place in it, however slow the reader."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class Event:
    """One event; ``data`` is JSON already, encoded once for all readers."""

    number: int
    id: str
    name: str
    data: str


class Feed:
    """Keeps the last event of every key, in order of publication, at most ``limit`` of them.

    Readers hold nothing but their place. One that falls behind finds only the newest revision of
    each caption when it comes back, so no queue per reader exists that could grow.
    """

    def __init__(self, limit: int, epoch: str = "") -> None:
        """``epoch`` tells a place in this feed from one in another."""
        self._limit = limit
        self._events: OrderedDict[str, Event] = OrderedDict()
        self._epoch = epoch or secrets.token_hex(4)
        self._news = asyncio.Event()
        self.last = 0
        self.forgotten = 0
        """The newest place whose event was dropped for want of room: after it, nothing is missing."""

    def restart(self, last: int) -> None:
        """Go on after place ``last`` of a feed of the same epoch, whose events are not known any more."""
        self.last = self.forgotten = last

    def publish(self, key: str, name: str, data: object) -> None:
        """Replace what ``key`` had by this event, and wake all readers."""
        self.last += 1
        self._events.pop(key, None)
        self._events[key] = Event(self.last, self.place(self.last), name, msgspec.json.encode(data).decode())
        while len(self._events) > self._limit:
            _, event = self._events.popitem(last=False)
            self.forgotten = event.number
        news, self._news = self._news, asyncio.Event()
        news.set()

    def forget(self, prefix: str) -> None:
        """Drop the events of all keys that begin with ``prefix``."""
        for key in [key for key in self._events if key.startswith(prefix)]:
            del self._events[key]

    def get(self, key: str) -> Event | None:
        """The event that ``key`` has now."""
        return self._events.get(key)

    def since(self, number: int) -> list[Event]:
        """The events after place ``number``, oldest first."""
        events = []
        for event in reversed(self._events.values()):
            if event.number <= number:
                break
            events.append(event)
        return events[::-1]

    async def wait(self, number: int, timeout: float) -> bool:
        """Wait until there is something after ``number``; False if nothing came for ``timeout`` seconds."""
        news = self._news
        if self.last > number:
            return True
        try:
            await asyncio.wait_for(news.wait(), timeout)
        except TimeoutError:
            return False
        return True

    def place(self, number: int) -> str:
        """The resume id of a place."""
        return f"{self._epoch}-{number}"

    def parse(self, place: str) -> int | None:
        """The number of a resume id; None if it is not from this feed."""
        epoch, _, number = place.partition("-")
        if epoch != self._epoch or not (number.isascii() and number.isdigit()):
            return None
        return min(int(number[:18]), self.last)
