"""A channel: a named place where captions appear."""

from __future__ import annotations

import itertools
import re
import time
from dataclasses import replace
from typing import Any

import msgspec

from service.captions.caption import Caption
from service.captions.correct import corrected
from service.captions.export import as_json, export
from service.channels.archive import Archive
from service.channels.feed import Event, Feed
from service.channels.settings import ChannelSettings
from service.channels.style import Style
from service.errors import NoSuchCaption, NoSuchChannel, TooMany
from service.settings import Limits

_NAME = re.compile(r"\w[\w.-]{0,63}")
_HANG = 4.0  # seconds a final caption stays on a screen that is opened after it
_STYLES = 50
_RENAMED = 200  # captions that are shown again when their speakers are given names
_RECENT = 1000  # events kept as they were sent; older ones are made again from the captions


def check_name(name: str) -> str:
    """The name of a channel, as it was given. Raises `NoSuchChannel`."""
    if not _NAME.fullmatch(name):
        raise NoSuchChannel(
            f"{name[:70]!r} cannot be a channel's name: use 1 to 64 letters, digits, dots, dashes or underscores."
        )
    return name


class Channel:
    """Keeps captions and tells readers of every change."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self.feed = Feed(_RECENT)
        self.settings = ChannelSettings()
        self.styles: dict[str, Style] = {}
        self.model: str | None = None  # that its sources have; the settings' model may still be on its way
        self.failure = ""  # why the last change of settings could not be made
        self._open: dict[str, Caption] = {}
        self._finals = Archive(limits.captions)
        self._cleared = 0  # the place of the last `clear` in the feed
        self._shown: dict[str, float] = {}  # when what is on screen changed last, by caption id
        self._numbers = itertools.count(1)
        self._prefix = f"c{int(time.time()):x}"  # ids stay unique when the service is started again
        self._began: float | None = None
        self.finals = 0  # captions that became final since the last `clear`

    @property
    def captions(self) -> list[Caption]:
        """All captions that are kept, open ones too."""
        return [self._named(caption) for caption in (*self._finals, *self._open.values())]

    def caption(self, key: str) -> Caption | None:
        """The newest revision of one caption, if it is kept."""
        found = self._open.get(key) or self._finals.get(key)
        return self._named(found) if found else None

    def visible(self) -> list[Caption]:
        """The captions that are on screen, oldest first."""
        found = (self.caption(key) for key in self._visible(time.monotonic()))
        return sorted((caption for caption in found if caption), key=lambda caption: caption.start)

    def clock(self, ago: float = 0.0) -> float:
        """The time of ``ago`` seconds before now on the channel's clock, which starts with its first source."""
        then = time.monotonic() - ago
        if self._began is None:
            self._began = then
        return then - self._began

    def new_id(self) -> str:
        return f"{self._prefix}-{next(self._numbers)}"

    def put(self, caption: Caption) -> None:
        """A new revision of a caption."""
        now = time.monotonic()
        again = caption.id in self._finals  # a correction
        self.finals += caption.final and not again
        self._shown = {key: self._shown[key] for key in self._visible(now)}
        self._open.pop(caption.id, None)
        self.feed.publish(_key(caption), "caption", event_data(self._named(caption)))
        if not caption.full_text:
            self._shown.pop(caption.id, None)
            self._finals.drop(caption.id)
            return
        if not again or caption.id in self._shown:
            self._shown[caption.id] = now
        if caption.final:
            self._finals.put(caption, self.feed.last)
        else:
            self._open[caption.id] = caption

    def correct(self, name: str, text: str | None, speaker: str | None) -> Caption:
        """Change what a final caption says, or who says it; the caption as it was. Raises `NoSuchCaption`."""
        before = self._finals.get(name)
        if before is None:
            raise NoSuchCaption("This caption is not final yet, or not kept any more: wait until it is, or reload.")
        after = corrected(before, before.text if text is None else text)
        self.put(after if speaker is None else replace(after, speaker=speaker or None))
        return before

    def rename(self) -> None:
        """The settings' names have changed: tell readers of what was said lately."""
        for caption in self._finals.newest(_RENAMED):
            self.put(replace(caption, rev=caption.rev + 1))

    def tell(self, source: str, status: dict[str, Any]) -> None:
        """A source's state changed."""
        self.feed.publish(f"status:{source}", "status", {"source": source, **status})

    def restyle(self, name: str, style: Style) -> None:
        """Change how the overlays look that use the style of that name. Raises `TooMany`."""
        if name not in self.styles and len(self.styles) >= _STYLES:
            raise TooMany(f"A channel has {_STYLES} styles at most: remove one first.")
        self.styles[name] = style
        self.feed.publish(f"style:{name}", "style", _style_data(name, style))

    def forget_style(self, name: str) -> None:
        """Overlays that use the style of that name look as the service's default again."""
        if self.styles.pop(name, None) is not None:
            self.feed.publish(f"style:{name}", "style", _style_data(name, Style()))

    def clear(self) -> None:
        """Take everything off the screens and out of the transcript."""
        self._open.clear()
        self._finals.clear()
        self._shown.clear()
        self.finals = 0
        self.feed.forget("caption:")
        self.feed.publish("clear", "clear", {})
        self._cleared = self.feed.last

    def since(self, number: int) -> list[Event]:
        """The events after place ``number`` of the feed, oldest first."""
        events = self.feed.since(number)
        until = self.feed.forgotten
        if number >= until:
            return events
        older = [
            self._event(place, "caption", event_data(self._named(one)))
            for place, one in self._finals.between(number, until)
        ]
        if number < self._cleared <= until:
            older.insert(0, self._event(self._cleared, "clear", {}))
        return self._styling(number) + older + events

    def on_screen(self) -> list[Event]:
        """What a reader that comes now should see first."""
        found = [self.feed.get(f"caption:{key}") for key in self._visible(time.monotonic())]
        captions = sorted((event for event in found if event), key=lambda event: event.number)
        return self._styling(captions[0].number - 1 if captions else self.feed.last) + captions

    def transcript(self, form: str) -> str:
        """The final captions as srt, vtt, txt or json."""
        return export(self.captions, form)

    def history(self) -> dict[str, Any]:
        """The final captions with the place from which a reader goes on without a gap; open captions come after it."""
        finals = [as_json(self._named(caption)) for caption in self._finals]
        events = [self.feed.get(f"caption:{key}") for key in self._open]
        place = min((event.number - 1 for event in events if event), default=self.feed.last)
        return {"channel": self.name, "resume": self.feed.place(place), "captions": finals}

    def _visible(self, now: float) -> list[str]:
        """The captions that are open or became final a moment ago."""
        return [key for key, when in self._shown.items() if now - when < _HANG or key in self._open]

    def _named(self, caption: Caption) -> Caption:
        """With the name that its speaker was given in this channel."""
        name = self.settings.names.get(caption.voice)
        return replace(caption, speaker=name) if name else caption

    def _styling(self, place: int) -> list[Event]:
        """All styles, as if they had been chosen at ``place``."""
        return [self._event(place, "style", _style_data(*one)) for one in self.styles.items()]

    def _event(self, place: int, name: str, data: dict[str, Any]) -> Event:
        return Event(place, self.feed.place(place), name, msgspec.json.encode(data).decode())


def _key(caption: Caption) -> str:
    """What a caption's events are known by in the feed."""
    return f"caption:{caption.id}"


def _style_data(name: str, style: Style) -> dict[str, Any]:
    return {"name": name, "style": style.as_json()}


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
