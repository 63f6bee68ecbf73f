"""A track that another service captions, as its readers here see it. Without I/O but for older captions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from surtitle.bus.track_event import CAPTION_KEYS, CLEAR, TrackEvent
from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions
from surtitle.captions.transcript import caption_as_json, export, shift_captions
from surtitle.channels.feed import Event, Feed
from surtitle.channels.on_screen import OnScreen
from surtitle.channels.track import event_data
from surtitle.core.wire.captions import TrackHistory

_MAX_EVENTS = 1000  # kept in memory; older captions are loaded
_STYLE_KEYS = "style:"


class StoredTrack(Protocol):
    """The stored captions of a track, for its transcript and for readers that were away for long.

    All methods return captions with their speakers' given names and their sequence numbers. Raise `SurtitleError`.
    """

    async def captions(self, after: int = 0) -> tuple[int, list[tuple[int, Caption]]]:
        """The number of the last clearing, and the final captions since then with numbers after ``after``."""


class FollowedTrack:
    """Takes the events of a track from a bus, with their numbers, so that readers may continue on any service.

    ``stored`` has the captions that are no longer in memory; without it, they are missing.
    """

    def __init__(self, stored: StoredTrack | None = None) -> None:
        self.feed = Feed(_MAX_EVENTS)
        self._stored = stored
        self._screen = OnScreen()  # by the keys of the feed
        self._finals: dict[str, None] = {}  # the newest keys of final captions, in order
        self._state: dict[str, Event] = {}  # the newest events that are not captions, by key
        self._loading: asyncio.Future[tuple[int, list[tuple[int, Caption]]]] | None = None
        self._loading_after = 0

    def begin(self, state: Iterable[TrackEvent], events: Sequence[TrackEvent]) -> None:
        """Take what the bus holds: the newest ``state``, and the last ``events``, in order of their numbers.

        Captions that became final long ago are not on screen.
        """
        if events:
            self._use_epoch(events[-1].epoch)
        for event in state:
            if event.epoch == self.feed.epoch:
                self._state[event.key] = self._event(event)
        for event in events:
            if event.epoch == self.feed.epoch and event.number > self.feed.last:
                self.take(event, age=max(0.0, time.time() - event.at))

    def take(self, event: TrackEvent, age: float = 0.0) -> None:
        """Take the next event, which was published ``age`` seconds ago."""
        if event.epoch != self.feed.epoch:
            self._use_epoch(event.epoch)
        if event.previous > self.feed.last:
            self.feed.skip(event.previous)
        if event.name == CLEAR:
            self._screen.clear()
            self._finals.clear()
            self.feed.forget(CAPTION_KEYS)
        if event.is_caption:
            self._show(event, age)
        else:
            self._state[event.key] = self._event(event)
        self.feed.insert(self._event(event))

    async def since(self, number: int) -> list[Event]:
        """The events after a sequence number, oldest first. Raises `SurtitleError`."""
        events, until = self.feed.since(number), self.feed.dropped_until
        if number >= until or self._stored is None:
            return events
        cleared, captions = await self._load(number)
        newer = {event.key for event in events}
        older = [
            self.feed.event(sequence, "caption", event_data(caption))
            for sequence, caption in captions
            if sequence <= until and CAPTION_KEYS + caption.id not in newer
        ]
        if number < cleared <= until:
            older.insert(0, self.feed.event(cleared, CLEAR, {}))
        return self._styles(number) + older + events

    def on_screen(self) -> list[Event]:
        """The events that a new reader gets first."""
        found = [self.feed.get(key) for key in self._screen.visible(time.monotonic())]
        found += [one for key, one in self._state.items() if key != CLEAR and not key.startswith(_STYLE_KEYS)]
        events = sorted((event for event in found if event), key=lambda event: event.number)
        return self._styles(events[0].number - 1 if events else self.feed.last) + events

    async def transcript(self, form: str, options: ExportOptions = ExportOptions()) -> str:
        """The final captions that are stored, in one of the formats of `captions.export`. Raises `SurtitleError`."""
        _, captions = await self._stored.captions() if self._stored else (0, [])
        return export((caption for _, caption in captions), form, options)

    async def history(self, offset: float = 0.0) -> TrackHistory:
        """The final captions that are stored, with the resume id from which a reader continues without a gap.

        ``offset`` seconds are added to all times. Raises `SurtitleError`.
        """
        if self._stored is None:
            return TrackHistory(resume=self.feed.resume_id(self.feed.dropped_until), captions=[])
        cleared, found = await self._stored.captions()
        # captions that are open, or final and not stored yet, come after the resume id
        resume = max([cleared, *(number for number, _ in found)])
        stored = {CAPTION_KEYS + caption.id for _, caption in found}
        missing = [event.number - 1 for event in self.feed.since(cleared) if self._is_shown(event.key, stored)]
        captions = [caption for _, caption in found]
        shifted = shift_captions(captions, offset) if offset else captions
        return TrackHistory(
            resume=self.feed.resume_id(min([resume, *missing])), captions=[caption_as_json(one) for one in shifted]
        )

    async def _load(self, number: int) -> tuple[int, list[tuple[int, Caption]]]:
        """The stored captions after ``number``, loaded once for all readers that need the same at once."""
        assert self._stored is not None
        if self._loading_after != number or self._loading is None or self._loading.done():
            self._loading_after, self._loading = number, asyncio.ensure_future(self._stored.captions(number))
        return await asyncio.shield(self._loading)

    def _is_shown(self, key: str, stored: set[str]) -> bool:
        return key.startswith(CAPTION_KEYS) and key not in stored and (key in self._finals or key in self._screen)

    def _use_epoch(self, epoch: str) -> None:
        """Begin a new feed: the channel's captions are no continuation of those before."""
        if not self.feed.last:
            self.feed.epoch = epoch  # readers have had nothing yet
            return
        before, self.feed = self.feed, Feed(_MAX_EVENTS, epoch)
        before.close()
        self._screen.clear()
        self._finals.clear()
        self._state.clear()

    def _show(self, event: TrackEvent, age: float) -> None:
        now = time.monotonic() - age
        correction = event.key in self._finals
        if event.withdrawn:
            self._screen.hide(event.key)
            self._finals.pop(event.key, None)
            return
        if not event.open:
            self._finals[event.key] = None
            if len(self._finals) > _MAX_EVENTS:
                del self._finals[next(iter(self._finals))]
        if not correction or event.key in self._screen.visible(now):
            self._screen.show(event.key, now, is_open=event.open)

    def _event(self, event: TrackEvent) -> Event:
        return Event(event.number, self.feed.resume_id(event.number), event.name, event.data, key=event.key)

    def _styles(self, number: int) -> list[Event]:
        """Events for all styles, as if they had been set at ``number``."""
        styles = [event for key, event in self._state.items() if key.startswith(_STYLE_KEYS)]
        return [Event(number, self.feed.resume_id(number), one.name, one.data) for one in styles]
