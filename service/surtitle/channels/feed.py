"""A compacted log of events: readers of any speed get what is new since a sequence number."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class Event:
    """One event with its sequence ``number`` and resume ``id``; ``data`` is JSON, encoded once for all readers."""

    number: int
    id: str
    name: str
    data: str


class Feed:
    """Keeps the last event of every key, in order of publication, at most ``limit`` of them.

    Readers hold nothing but a sequence number. A reader that falls behind finds only the newest revision of
    each caption when it returns, so there is no queue per reader that could grow.
    """

    def __init__(self, limit: int, epoch: str = "") -> None:
        """``epoch`` distinguishes the resume ids of this feed from those of others."""
        self._limit = limit
        self._events: OrderedDict[str, Event] = OrderedDict()
        self._epoch = epoch or secrets.token_hex(4)
        self._news = asyncio.Event()
        self.last = 0
        self.dropped_until = 0
        """The newest sequence number whose event was dropped because of the limit: after it, nothing is missing."""

    def restart(self, last: int) -> None:
        """Continue after number ``last`` of an earlier feed with the same epoch, whose events are lost."""
        self.last = self.dropped_until = last

    def publish(self, key: str, name: str, data: object) -> None:
        """Replace the event of ``key`` by this one, and wake all readers."""
        self.last += 1
        self._events.pop(key, None)
        self._events[key] = Event(self.last, self.resume_id(self.last), name, msgspec.json.encode(data).decode())
        while len(self._events) > self._limit:
            _, event = self._events.popitem(last=False)
            self.dropped_until = event.number
        news, self._news = self._news, asyncio.Event()
        news.set()

    def forget(self, prefix: str) -> None:
        """Drop the events of all keys that begin with ``prefix``."""
        for key in [key for key in self._events if key.startswith(prefix)]:
            del self._events[key]

    def get(self, key: str) -> Event | None:
        """The current event of ``key``, if there is one."""
        return self._events.get(key)

    def since(self, number: int) -> list[Event]:
        """The events after sequence ``number``, oldest first."""
        events = []
        for event in reversed(self._events.values()):
            if event.number <= number:
                break
            events.append(event)
        return events[::-1]

    async def wait(self, number: int, timeout: float) -> bool:
        """Wait for an event after ``number``; False if there was none for ``timeout`` seconds."""
        news = self._news
        if self.last > number:
            return True
        try:
            await asyncio.wait_for(news.wait(), timeout)
        except TimeoutError:
            return False
        return True

    def resume_id(self, number: int) -> str:
        """The resume id of a sequence number."""
        return f"{self._epoch}-{number}"

    def parse_resume_id(self, resume_id: str) -> int | None:
        """The sequence number of a resume id; None if the id is not from this feed."""
        epoch, _, number = resume_id.partition("-")
        if epoch != self._epoch or not (number.isascii() and number.isdigit()):
            return None
        return min(int(number[:18]), self.last)
