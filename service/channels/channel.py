"""A channel: a named place where captions appear."""

from __future__ import annotations

import itertools
import re
import time
from collections import OrderedDict
from typing import Any

from service.captions.caption import Caption, packed, unpacked
from service.captions.export import as_json, export
from service.channels.feed import Event, Feed
from service.channels.settings import ChannelSettings
from service.errors import NoSuchChannel
from service.settings import Limits

_NAME = re.compile(r"\w[\w.-]{0,63}")
_HANG = 4.0  # seconds a final caption stays on a screen that is opened after it


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
        self.feed = Feed(limits.captions)
        self.settings = ChannelSettings()
        self.model: str | None = None  # that its sources have; the settings' model may still be on its way
        self.failure = ""  # why the last change of settings could not be made
        self._limit = limits.captions
        self._captions: OrderedDict[str, Caption | bytes] = OrderedDict()  # the final ones are packed
        self._shown: dict[str, float] = {}  # when what is on screen changed last, by caption id
        self._numbers = itertools.count(1)
        self._prefix = f"c{int(time.time()):x}"  # ids stay unique when the service is started again
        self._began: float | None = None
        self.finals = 0  # captions that became final since the last `clear`

    @property
    def captions(self) -> list[Caption]:
        """All captions that are kept, open ones too."""
        return [unpacked(caption) if isinstance(caption, bytes) else caption for caption in self._captions.values()]

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
        self.finals += caption.final
        self._shown = {key: self._shown[key] for key in self._visible(now)}
        if caption.full_text:
            self._captions[caption.id] = packed(caption) if caption.final else caption
            self._shown[caption.id] = now
        else:
            self._captions.pop(caption.id, None)
            self._shown.pop(caption.id, None)
        while len(self._captions) > self._limit:
            self._captions.popitem(last=False)
        self.feed.publish(f"caption:{caption.id}", "caption", event_data(caption))

    def tell(self, source: str, status: dict[str, Any]) -> None:
        """A source's state changed."""
        self.feed.publish(f"status:{source}", "status", {"source": source, **status})

    def clear(self) -> None:
        """Take everything off the screens and out of the transcript."""
        self._captions.clear()
        self._shown.clear()
        self.finals = 0
        self.feed.forget("caption:")
        self.feed.publish("clear", "clear", {})

    def on_screen(self) -> list[Event]:
        """What a reader that comes now should see first."""
        events = [self.feed.get(f"caption:{key}") for key in self._visible(time.monotonic())]
        return sorted((event for event in events if event), key=lambda event: event.number)

    def transcript(self, form: str) -> str:
        """The final captions as srt, vtt, txt or json."""
        return export(self.captions, form)

    def history(self) -> dict[str, Any]:
        """The final captions with the place from which a reader goes on without gap or double."""
        finals = [as_json(caption) for caption in self.captions if caption.final]
        return {"channel": self.name, "resume": self.feed.place(self.feed.last), "captions": finals}

    def _visible(self, now: float) -> list[str]:
        """The captions that are open or became final a moment ago."""
        return [
            key
            for key, when in self._shown.items()
            if now - when < _HANG or isinstance(self._captions.get(key), Caption)
        ]


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
