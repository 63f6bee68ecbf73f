"""A track: a channel's captions in one language, with the feed that publishes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions
from surtitle.captions.transcript import caption_as_json, export, shift_captions
from surtitle.channels.archive import Archive
from surtitle.channels.feed import Event, Feed
from surtitle.channels.on_screen import OnScreen
from surtitle.channels.style import StyleEvent
from surtitle.channels.track_journal import TrackJournal
from surtitle.core.notifier import Notifier
from surtitle.core.wire.captions import CaptionEvent, TrackHistory
from surtitle.core.wire.translation import TranslationEvent

_MAX_RENAMED = 200  # captions that are published again when their speakers are given names
_TRANSLATION = "translation"  # the key of a translation's state in the feed
_PAUSE = "pause"  # the key of whether the channel is paused
_MAX_EVENTS = 1000  # events kept as they were sent; older ones are rebuilt from the captions
_REVISION_GAP = 1_000_000  # revisions skipped after a restart, because the last ones may not have been stored


class Track:
    """Holds the newest ``limit`` final captions, and publishes every change to readers.

    ``apply_names`` gives a caption the current name of its speaker; ``styles`` gives the data of the style
    events that a reader starts with. ``journal`` gets every caption that has new committed words; captions that it has
    stored need not stay in memory. Lookups by id find open captions and those in memory: see `recall`. ``epoch`` is
    that of the feed, and ``changes`` is notified of its events.
    """

    def __init__(
        self,
        limit: int,
        apply_names: Callable[[Caption], Caption],
        styles: Callable[[], Iterable[StyleEvent]],
        journal: TrackJournal | None,
        epoch: str,
        changes: Notifier,
    ) -> None:
        self.feed = Feed(_MAX_EVENTS, epoch, changes)
        self.count = 0  # captions that became final since the last `clear`
        self.apply_names = apply_names
        self._styles = styles
        self._journal = journal
        self._open: dict[str, Caption] = {}
        self._finals = Archive(limit, journal)
        self._cleared = 0  # the sequence number of the last `clear` in the feed
        self._screen = OnScreen()

    @property
    def captions(self) -> list[Caption]:
        """All captions in memory, including open ones."""
        return [self.apply_names(caption) for caption in (*self._finals, *self._open.values())]

    def caption(self, key: str) -> Caption | None:
        """The newest revision of a caption, if it is in memory."""
        found = self.unnamed_caption(key)
        return self.apply_names(found) if found else None

    def unnamed_caption(self, key: str) -> Caption | None:
        """Like `caption`, but without the name that its speaker was given."""
        return self._open.get(key) or self._finals.get(key)

    def final(self, key: str) -> Caption | None:
        """The newest revision of a final caption, without given names, if it is in memory."""
        return self._finals.get(key)

    async def recall(self, key: str) -> None:
        """Load a final caption that may have left memory, so that it can be changed. Raises `SurtitleError`."""
        await self._finals.recall(key)

    def visible(self) -> list[Caption]:
        """The captions on screen, oldest first."""
        found = (self.caption(key) for key in self._screen.visible(time.monotonic()))
        return sorted((caption for caption in found if caption), key=lambda caption: caption.start)

    def hides_at(self) -> float:
        """When the next caption leaves the screen by itself, by `time.monotonic`; infinity if none does."""
        return self._screen.hides_at(time.monotonic())

    def put(self, caption: Caption) -> None:
        """Add a new revision of a caption, and publish it."""
        now = time.monotonic()
        correction = caption.id in self._finals
        self.count += caption.final and not correction
        self._open.pop(caption.id, None)
        self._publish(caption)
        if not caption.full_text:
            self._screen.hide(caption.id)
            self._finals.drop(caption.id, self.feed.last)
            self._write(caption)
            return
        if not correction or caption.id in self._screen.visible(now):
            self._screen.show(caption.id, now, is_open=not caption.final)
        if caption.final:
            self._finals.put(caption, self.feed.last)
        else:
            self._open[caption.id] = caption
        if caption.words:
            self._write(caption)

    def restore(self, captions: list[tuple[int, Caption]], cleared: int, unknown: Iterable[str]) -> None:
        """Continue with stored captions and their sequence numbers in the feed, all after ``cleared``.

        Open captions become final. Captions with the ids ``unknown`` may be on screens but were not stored: they are
        withdrawn.
        """
        self._cleared = cleared
        for sequence, caption in captions:
            if caption.final:
                self.count += 1
                self._finals.put(caption, sequence, stored=True)
        for _, caption in captions:
            if not caption.final:
                self.put(replace(caption, rev=caption.rev + _REVISION_GAP, final=True))
        self._screen.clear()
        for name in unknown:
            self._publish(Caption(name, _REVISION_GAP, "", ""))

    def finalize(self) -> None:
        """Make open captions final with their committed words."""
        for caption in list(self._open.values()):
            self.put(replace(caption, rev=caption.rev + 1, tentative=(), final=bool(caption.words)))

    def tell(self, status: TranslationEvent) -> None:
        """Publish the status of the track's translation, also for readers that connect later."""
        self.feed.publish(_TRANSLATION, "translation", status)

    def rename(self) -> None:
        """Publish recent captions again, because names have changed."""
        for caption in self._finals.newest(_MAX_RENAMED):
            self.put(replace(caption, rev=caption.rev + 1))

    def clear(self) -> None:
        """Clear the screens and the transcript."""
        self._open.clear()
        self._finals.clear()
        self._screen.clear()
        self.count = 0
        self.feed.forget("caption:")
        self.feed.publish("clear", "clear", {})
        self._cleared = self.feed.last

    async def since(self, number: int) -> list[Event]:
        """The events after sequence ``number`` of the feed, oldest first."""
        events, until, cleared = self.feed.since(number), self.feed.dropped_until, self._cleared
        if number >= until:
            return events
        captions = await self._finals.between(number, until)
        older = [self.feed.event(sequence, "caption", self._event_data(one), one) for sequence, one in captions]
        if number < cleared <= until:
            older.insert(0, self.feed.event(cleared, "clear", {}))
        return self._style_events(number) + older + events

    def on_screen(self) -> list[Event]:
        """The events that a new reader gets first."""
        found = [self.feed.get(f"caption:{key}") for key in self._screen.visible(time.monotonic())]
        found += [self.feed.get(_TRANSLATION), self.feed.get(_PAUSE)]
        events = sorted((event for event in found if event), key=lambda event: event.number)
        return self._style_events(events[0].number - 1 if events else self.feed.last) + events

    def state(self) -> list[Event]:
        """What a new reader gets besides captions, as of now."""
        number = self.feed.last
        styles = [self.feed.event(number, "style", one, key=f"style:{one['name']}") for one in self._styles()]
        return styles + [event for key in (_TRANSLATION, _PAUSE) if (event := self.feed.get(key)) is not None]

    async def transcript(self, form: str, options: ExportOptions = ExportOptions()) -> str:
        """The final captions in one of the formats of `captions.export`. Raises `SurtitleError`."""
        return export(map(self.apply_names, await self._finals.all()), form, options)

    async def history(self, offset: float = 0.0) -> TrackHistory:
        """The final captions, with the resume id from which a reader continues without a gap.

        Open captions come after that id. ``offset`` seconds are added to all times. Raises `SurtitleError`.
        """
        events = [self.feed.get(f"caption:{key}") for key in self._open]
        sequence = min((event.number - 1 for event in events if event), default=self.feed.last)
        finals = await self._finals.all()
        shifted = shift_captions(finals, offset) if offset else finals
        captions = [caption_as_json(self.apply_names(caption)) for caption in shifted]
        return TrackHistory(resume=self.feed.resume_id(sequence), captions=captions)

    def _write(self, caption: Caption) -> None:
        if self._journal is not None:
            self._journal.write(caption, self.feed.last, self._finals.mark_stored)

    def _style_events(self, sequence: int) -> list[Event]:
        """Events for all styles, as if they had been set at ``sequence``."""
        return [self.feed.event(sequence, "style", data) for data in self._styles()]

    def _publish(self, caption: Caption) -> None:
        self.feed.publish(f"caption:{caption.id}", "caption", self._event_data(caption), caption)

    def _event_data(self, caption: Caption) -> CaptionEvent:
        return event_data(self.apply_names(caption))


def event_data(caption: Caption) -> CaptionEvent:
    """A caption as readers get it; the displayed text is ``text`` followed by ``tentative``."""
    return CaptionEvent(
        id=caption.id,
        rev=caption.rev,
        source=caption.source,
        speaker=caption.speaker,
        start=round(caption.start, 3),
        end=round(caption.end, 3),
        text=caption.text,
        tentative=caption.tentative_text,
        final=caption.final,
        lang=caption.language,
    )
