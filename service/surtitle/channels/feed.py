"""A compacted log of events: readers of any speed get what is new since a sequence number."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

import msgspec

from surtitle.captions.caption import Caption
from surtitle.core.notifier import Notifier
from surtitle.speech.recognizer import Boundary


@dataclass(frozen=True, slots=True)
class Event:
    """One event with its sequence ``number`` and resume ``id``.

    ``data`` is JSON for readers, encoded once for all of them. What the event publishes is there for the followers
    inside the service, too: ``caption`` is a revision of a caption, without the names that people gave its speakers,
    and ``boundary`` is one of an utterance. ``key`` is the one under which it was published.
    """

    number: int
    id: str
    name: str
    data: str
    caption: Caption | None = None
    boundary: Boundary | None = None
    key: str = ""


class Feed:
    """Keeps the last event of every key, in order of publication, at most ``limit`` of them.

    Readers hold nothing but a sequence number. A reader that falls behind finds only the newest revision of
    each caption when it returns, so there is no queue per reader that could grow.
    """

    def __init__(self, limit: int, epoch: str = "", changes: Notifier | None = None) -> None:
        """``epoch`` distinguishes the resume ids of this feed from those of others.

        ``changes`` is notified of every event.
        """
        self._limit = limit
        self._events: OrderedDict[str, Event] = OrderedDict()
        self.epoch = epoch or secrets.token_hex(4)
        self._published = Notifier(changes)
        self.last = 0
        self.closed = False
        self.dropped_until = 0
        """The newest sequence number whose event was dropped because of the limit: after it, nothing is missing."""

    def restart(self, last: int) -> None:
        """Continue after number ``last`` of an earlier feed with the same epoch, whose events are lost."""
        self.last = self.dropped_until = last

    def skip(self, until: int) -> None:
        """Events up to number ``until`` may be missing here, although later ones follow."""
        self.last, self.dropped_until = max(self.last, until), max(self.dropped_until, until)

    def close(self) -> None:
        """Wake all readers, because another feed takes the place of this one."""
        self.closed = True
        self._published.notify()

    def publish(
        self, key: str, name: str, data: object, caption: Caption | None = None, boundary: Boundary | None = None
    ) -> None:
        """Replace the event of ``key`` by this one, and wake all readers."""
        self.insert(self.event(self.last + 1, name, data, caption, boundary, key))

    def insert(self, event: Event) -> None:
        """Publish an event that has its number already, which is higher than all before it."""
        self.last = event.number
        self._events.pop(event.key, None)
        self._events[event.key] = event
        while len(self._events) > self._limit:
            _, dropped = self._events.popitem(last=False)
            self.dropped_until = max(self.dropped_until, dropped.number)
        self._published.notify()

    def event(
        self,
        number: int,
        name: str,
        data: object,
        caption: Caption | None = None,
        boundary: Boundary | None = None,
        key: str = "",
    ) -> Event:
        """An event of this feed with a sequence number, whether or not it is published."""
        return Event(number, self.resume_id(number), name, msgspec.json.encode(data).decode(), caption, boundary, key)

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
        return self.last > number or await self._published.wait(self._published.count, timeout)

    def resume_id(self, number: int) -> str:
        """The resume id of a sequence number."""
        return f"{self.epoch}-{number}"

    def parse_resume_id(self, resume_id: str) -> int | None:
        """The sequence number of a resume id; None if the id is not from this feed."""
        epoch, _, number = resume_id.partition("-")
        if epoch != self.epoch or not (number.isascii() and number.isdigit()):
            return None
        return min(int(number[:18]), self.last)
