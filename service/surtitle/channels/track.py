"""A track: a channel's captions in one language, as they are kept and told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import msgspec

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions
from surtitle.captions.transcript import as_json, export
from surtitle.channels.archive import Archive
from surtitle.channels.feed import Event, Feed
from surtitle.channels.track_journal import TrackJournal

_HANG = 4.0  # seconds a final caption stays on a screen that is opened after it
_RENAMED = 200  # captions that are shown again when their speakers are given names
_TRANSLATION = "translation"  # what the events of a translation's state are known by in the feed
_RECENT = 1000  # events kept as they were sent; older ones are made again from the captions
_AHEAD = 1_000_000  # places that were given out before a restart, and perhaps not written down
_NEWER = 1_000_000  # revisions, the same


class Track:
    """Knows the newest ``limit`` final captions, and tells readers of every change.

    ``named`` gives a caption the name that its speaker has now; ``styles`` is the data of the style
    events that a reader starts with. ``pages`` are told of every caption that has new committed words; what they have
    need not stay in memory. What is asked for by an id is of what is open or in memory: see `recall`. ``epoch`` is that
    of the feed.
    """

    def __init__(
        self,
        limit: int,
        named: Callable[[Caption], Caption],
        styles: Callable[[], Iterable[dict[str, Any]]],
        pages: TrackJournal | None,
        epoch: str,
    ) -> None:
        self.feed = Feed(_RECENT, epoch)
        self.count = 0  # captions that became final since the last `clear`
        self._named = named
        self._styles = styles
        self._pages = pages
        self._open: dict[str, Caption] = {}
        self._finals = Archive(limit, pages)
        self._cleared = 0  # the place of the last `clear` in the feed
        self._shown: dict[str, float] = {}  # when what is on screen changed last, by caption id

    @property
    def captions(self) -> list[Caption]:
        """All captions that are in memory, open ones too."""
        return [self._named(caption) for caption in (*self._finals, *self._open.values())]

    def caption(self, key: str) -> Caption | None:
        """The newest revision of one caption, if it is at hand."""
        found = self.said(key)
        return self._named(found) if found else None

    def said(self, key: str) -> Caption | None:
        """The same without the name that its speaker was given."""
        return self._open.get(key) or self._finals.get(key)

    def final(self, key: str) -> Caption | None:
        """The same, if it is final."""
        return self._finals.get(key)

    async def recall(self, key: str) -> None:
        """Have a final caption at hand that may have left memory, before it is changed. Raises `SurtitleError`."""
        await self._finals.recall(key)

    def visible(self) -> list[Caption]:
        """The captions that are on screen, oldest first."""
        found = (self.caption(key) for key in self._visible(time.monotonic()))
        return sorted((caption for caption in found if caption), key=lambda caption: caption.start)

    def put(self, caption: Caption) -> None:
        """A new revision of a caption."""
        now = time.monotonic()
        again = caption.id in self._finals  # a correction
        self.count += caption.final and not again
        self._shown = {key: self._shown[key] for key in self._visible(now)}
        self._open.pop(caption.id, None)
        self.feed.publish(f"caption:{caption.id}", "caption", event_data(self._named(caption)))
        if not caption.full_text:
            self._shown.pop(caption.id, None)
            self._finals.drop(caption.id, self.feed.last)
            self._write(caption)
            return
        if not again or caption.id in self._shown:
            self._shown[caption.id] = now
        if caption.final:
            self._finals.put(caption, self.feed.last)
        else:
            self._open[caption.id] = caption
        if caption.words:
            self._write(caption)

    def restore(self, captions: list[tuple[int, Caption]], cleared: int, unknown: Iterable[str]) -> None:
        """Go on with what was written down: captions with their places in the feed, all after ``cleared``.

        What was open becomes final. Captions of the ids ``unknown`` may be on screens, but were not written
        down: they are taken back.
        """
        self._cleared = cleared
        self.feed.restart(max([cleared, *(place for place, _ in captions)]) + _AHEAD)
        for place, caption in captions:
            if caption.final:
                self.count += 1
                self._finals.put(caption, place, written=True)
        for _, caption in captions:
            if not caption.final:
                self.put(replace(caption, rev=caption.rev + _NEWER, final=True))
        self._shown.clear()
        for name in unknown:
            self.feed.publish(f"caption:{name}", "caption", event_data(Caption(name, _NEWER, "", "")))

    def settle(self) -> None:
        """Nothing that is open goes on: what was committed of it stays."""
        for caption in list(self._open.values()):
            self.put(replace(caption, rev=caption.rev + 1, tentative=(), final=bool(caption.words)))

    def tell(self, status: dict[str, Any]) -> None:
        """How the track's translation stands, also for readers that come later."""
        self.feed.publish(_TRANSLATION, "translation", status)

    def rename(self) -> None:
        """Names have changed: tell readers of what was said lately."""
        for caption in self._finals.newest(_RENAMED):
            self.put(replace(caption, rev=caption.rev + 1))

    def clear(self) -> None:
        """Take everything off the screens and out of the transcript."""
        self._open.clear()
        self._finals.clear()
        self._shown.clear()
        self.count = 0
        self.feed.forget("caption:")
        self.feed.publish("clear", "clear", {})
        self._cleared = self.feed.last

    async def since(self, number: int) -> list[Event]:
        """The events after place ``number`` of the feed, oldest first."""
        events, until, cleared = self.feed.since(number), self.feed.forgotten, self._cleared
        if number >= until:
            return events
        captions = await self._finals.between(number, until)
        older = [self._event(place, "caption", event_data(self._named(one))) for place, one in captions]
        if number < cleared <= until:
            older.insert(0, self._event(cleared, "clear", {}))
        return self._styling(number) + older + events

    def on_screen(self) -> list[Event]:
        """What a reader that comes now should see first."""
        found = [self.feed.get(f"caption:{key}") for key in self._visible(time.monotonic())]
        found.append(self.feed.get(_TRANSLATION))
        events = sorted((event for event in found if event), key=lambda event: event.number)
        return self._styling(events[0].number - 1 if events else self.feed.last) + events

    async def transcript(self, form: str, look: ExportOptions = ExportOptions()) -> str:
        """The final captions in one of the formats of `captions.export`. Raises `SurtitleError`."""
        return export(map(self._named, await self._finals.all()), form, look)

    async def history(self) -> dict[str, Any]:
        """The final captions with the place from which a reader goes on without a gap; open captions come after it.

        Raises `SurtitleError`.
        """
        events = [self.feed.get(f"caption:{key}") for key in self._open]
        place = min((event.number - 1 for event in events if event), default=self.feed.last)
        finals = [as_json(self._named(caption)) for caption in await self._finals.all()]
        return {"resume": self.feed.place(place), "captions": finals}

    def _write(self, caption: Caption) -> None:
        if self._pages is not None:
            self._pages.write(caption, self.feed.last, self._finals.written)

    def _visible(self, now: float) -> list[str]:
        """The captions that are open or became final a moment ago."""
        return [key for key, when in self._shown.items() if now - when < _HANG or key in self._open]

    def _styling(self, place: int) -> list[Event]:
        """All styles, as if they had been chosen at ``place``."""
        return [self._event(place, "style", data) for data in self._styles()]

    def _event(self, place: int, name: str, data: dict[str, Any]) -> Event:
        return Event(place, self.feed.place(place), name, msgspec.json.encode(data).decode())


def event_data(caption: Caption) -> dict[str, Any]:
    """A caption as readers get it; the whole of what is shown is ``text`` followed by ``tentative``."""
    return {
        "id": caption.id,
        "rev": caption.rev,
        "source": caption.source,
        "speaker": caption.speaker,
        "start": round(caption.start, 3),
        "end": round(caption.end, 3),
        "text": caption.text,
        "tentative": caption.tentative_text,
        "final": caption.final,
        "lang": caption.language,
    }
