"""A channel: a named place where captions appear."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from surtitle.captions.caption import Caption
from surtitle.captions.edit import corrected
from surtitle.captions.exports import ExportOptions
from surtitle.captions.names import named
from surtitle.channels.feed import Event, Feed
from surtitle.channels.session import (
    ORIGINAL,
    Journal,
    ResumableSource,
    Session,
    StoredSession,
    digest,
    new_session,
    number_of,
)
from surtitle.channels.settings import ChannelSettings
from surtitle.channels.style import Style
from surtitle.channels.track import Track
from surtitle.channels.track_journal import TrackJournal
from surtitle.core.errors import NoSuchCaption, NoSuchChannel, TooMany
from surtitle.core.settings import Limits
from surtitle.speakers.timeline import SpeakerNumbering, highest_number

_NAME = re.compile(r"\w[\w.-]{0,63}")
_STYLES = 50
_LIVES = 4  # starts of the service that a reader may have been away for
_UNKNOWN = 50  # captions before and after the newest that may have been on screens, and were not written down


def check_name(name: str) -> str:
    """The name of a channel, as it was given. Raises `NoSuchChannel`."""
    if not _NAME.fullmatch(name):
        raise NoSuchChannel(
            f"{name[:70]!r} cannot be a channel's name: use 1 to 64 letters, digits, dots, dashes or underscores."
        )
    return name


class Channel:
    """Has a track of what is said, and one for each language into which it is translated.

    What it says of captions without naming a track is of the original.
    """

    def __init__(self, name: str, limits: Limits, journal: Journal | None = None) -> None:
        self.name = name
        self.session: Session | None = None  # until its first source comes
        self.settings = ChannelSettings()
        self.styles: dict[str, Style] = {}
        self.model: str | None = None  # that its sources have; the settings' model may still be on its way
        self.speakers = SpeakerNumbering()
        self.failure = ""  # why the last change of settings could not be made
        self._limits = limits
        self._journal = journal
        self._epoch = secrets.token_hex(4)
        self.original = self._new_track(ORIGINAL)
        self.translations: dict[str, Track] = {}  # by language
        self._numbers = itertools.count(1)
        self._prefix = f"c{int(1000 * time.time()):x}"  # ids stay unique when the service is started again
        self._began: float | None = None
        self._made = self._active = time.monotonic()
        self._left: dict[str, ResumableSource] = {}

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The original and all translations."""
        return (self.original, *self.translations.values())

    def translation(self, language: str) -> Track:
        """The track of the translation into ``language``, made if need be."""
        if language not in self.translations:
            self.translations[language] = self._new_track(language)
        return self.translations[language]

    @property
    def rests(self) -> bool:
        """Whether nothing has happened for so long that what comes next is another session."""
        return time.monotonic() - self._active > self._limits.session_rest

    @property
    def feed(self) -> Feed:
        return self.original.feed

    @property
    def finals(self) -> int:
        """Captions that became final since the last `clear`."""
        return self.original.count

    @property
    def captions(self) -> list[Caption]:
        """All captions that are in memory, open ones too."""
        return self.original.captions

    def caption(self, key: str) -> Caption | None:
        """The newest revision of one caption, if it is at hand."""
        return self.original.caption(key)

    def visible(self) -> list[Caption]:
        """The captions that are on screen, oldest first."""
        return self.original.visible()

    async def since(self, number: int) -> list[Event]:
        """The events after place ``number`` of the feed, oldest first."""
        return await self.original.since(number)

    def on_screen(self) -> list[Event]:
        """What a reader that comes now should see first."""
        return self.original.on_screen()

    async def transcript(self, form: str, look: ExportOptions = ExportOptions()) -> str:
        """See `Track.transcript`."""
        return await self.original.transcript(form, look)

    async def history(self) -> dict[str, Any]:
        """See `Track.history`."""
        return {"channel": self.name, **await self.original.history()}

    async def recall(self, name: str) -> None:
        """Have a final caption and its translations at hand, before they are changed. Raises `SurtitleError`."""
        for track in self.tracks:
            await track.recall(name)

    def clock(self, ago: float = 0.0) -> float:
        """The time of ``ago`` seconds before now on the channel's clock, which starts with its first source."""
        then = time.monotonic() - ago
        if self._began is None:
            self._began = then
        return then - self._began

    def begin(self, ago: float = 0.0, *, alone: bool = True) -> float:
        """A source is coming, with a first sample of ``ago`` seconds before now; where that is on the channel's clock.

        It goes on with the session, unless it is ``alone`` and the channel was at rest for long.
        """
        if self.session is not None and alone and self.rests:
            self._began = self.session = None
            self.clear()
        at = self.clock(ago)
        if self.session is None:
            self._new_session()
        return at

    def restore(self, kept: StoredSession) -> None:
        """Go on with a session of before the service was started."""
        self.session = session = kept.session
        self._epoch = session.epoch
        self._left = kept.sources
        captions = [caption for track in kept.tracks.values() for _, caption in track]
        furthest = max((caption.end for caption in captions), default=0.0)
        now = time.time()
        # a clock that was set back meanwhile must not put new words before old ones
        self._began = time.monotonic() - max(now - session.began, furthest)
        self._active = time.monotonic() - max(0.0, now - kept.seen)
        self.speakers = SpeakerNumbering(highest_number(caption.speaker for caption in captions))
        unknown = []
        for prefix in session.prefix.split():
            known = {number_of(caption.id, prefix) for caption in captions}
            newest = max(known, default=0)
            # also before the newest: one of two sources may have got its words later than its caption
            around = range(max(1, newest - _UNKNOWN), newest + _UNKNOWN + 1)
            unknown += [f"{prefix}-{number}" for number in around if number not in known]
        for language, track in {ORIGINAL: [], **kept.tracks}.items():
            made = self._new_track(language)
            if language == ORIGINAL:
                self.original = made
            else:
                self.translations[language] = made
            first = min((place for place, _ in track), default=1) - 1
            made.restore(track, session.place if language == ORIGINAL else first, unknown)
        self.session = replace(session, prefix=" ".join([self._prefix, *session.prefix.split()][:_LIVES]))
        self._note_session()

    def left(self, resume: str | None) -> ResumableSource | None:
        """The source that ``resume`` continues, if it was running when the service ended. Good once."""
        in_time = time.monotonic() - self._made <= self._limits.resume_window
        return self._left.pop(digest(resume), None) if resume and in_time else None

    def save_source(self, resume: str, name: str, clock: float) -> None:
        """A source has started, with its first sample at ``clock``."""
        if self._journal is not None and self.session is not None:
            self._journal.save_source(self.session, resume, name, clock)

    def forget_source(self, resume: str) -> None:
        """A source has ended, and will not be resumed."""
        if self._journal is not None and self.session is not None:
            self._journal.forget_source(self.session, resume)

    def retold(self) -> None:
        """Settings or styles have changed."""
        if self._journal is not None:
            self._journal.save_settings(self.name, self.settings, self.styles)

    def new_id(self) -> str:
        return f"{self._prefix}-{next(self._numbers)}"

    def put(self, caption: Caption) -> None:
        """A new revision of a caption."""
        self.original.put(caption)

    def attribute(self, caption: Caption) -> Caption | None:
        """It has become known who says a final caption; its newest revision, unless nobody needs to be told."""
        for track in self.tracks:
            kept = track.final(caption.id)
            if kept is not None and kept.speaker is None:
                same = [word.text for word in kept.words] == [word.text for word in caption.words]
                words = caption.words if same else kept.words  # it was corrected, or is a translation
                track.put(replace(kept, rev=kept.rev + 1, words=words, speaker=caption.speaker))
        told = self.original.final(caption.id)
        return told if told is not None and told.speaker == caption.speaker else None

    def correct(self, name: str, text: str | None, speaker: str | None) -> Caption:
        """Change what a final caption says, or who says it; the caption as it was. Older ones: `recall` them before.

        Raises `NoSuchCaption`.
        """
        before = self.original.final(name)
        if before is None:
            raise NoSuchCaption("This caption is not final yet, or not kept any more: wait until it is, or reload.")
        after = corrected(before, before.text if text is None else text)
        if speaker is not None:
            words = tuple(replace(word, speaker=None) for word in after.words)  # a person says it of the whole
            after = replace(after, words=words, speaker=speaker or None)
        self.put(after)
        return before

    def rename(self) -> None:
        """The settings' names have changed: tell readers of what was said lately."""
        for track in self.tracks:
            track.rename()

    def tell(self, source: str, status: dict[str, Any]) -> None:
        """A source's state changed."""
        self._active = time.monotonic()
        self._publish(f"status:{source}", "status", {"source": source, **status})

    def restyle(self, name: str, style: Style) -> None:
        """Change how the overlays look that use the style of that name. Raises `TooMany`."""
        if name not in self.styles and len(self.styles) >= _STYLES:
            raise TooMany(f"A channel has {_STYLES} styles at most: remove one first.")
        self.styles[name] = style
        self._publish(f"style:{name}", "style", _style_data(name, style))

    def forget_style(self, name: str) -> None:
        """Overlays that use the style of that name look as the service's default again."""
        if self.styles.pop(name, None) is not None:
            self._publish(f"style:{name}", "style", _style_data(name, Style()))

    def clear(self) -> None:
        """Take everything off the screens and out of the transcript: what is said from now on is another session."""
        for track in self.tracks:
            track.clear()
        if self.session is not None:
            self._new_session()

    def _new_session(self) -> None:
        began = time.time() - self.clock()
        self.session = new_session(self.name, began, self._epoch, self.original.feed.last, self._prefix)
        self._note_session()

    def _note_session(self) -> None:
        if self._journal is not None and self.session is not None:
            self._journal.save_session(self.session)

    def _new_track(self, language: str) -> Track:
        epoch = self._epoch + language.replace("-", "")
        pages = TrackJournal(self._journal, lambda: self.session, language) if self._journal is not None else None
        return Track(self._limits.captions, self._named, self._style_events, pages, epoch)

    def _publish(self, key: str, name: str, data: dict[str, Any]) -> None:
        """Tell the readers of all tracks."""
        for track in self.tracks:
            track.feed.publish(key, name, data)

    def _named(self, caption: Caption) -> Caption:
        """With the name that its speaker was given in this channel."""
        return named(caption, self.settings.names)

    def _style_events(self) -> Iterator[dict[str, Any]]:
        return (_style_data(*one) for one in self.styles.items())


def _style_data(name: str, style: Style) -> dict[str, Any]:
    return {"name": name, "style": style.as_json()}
