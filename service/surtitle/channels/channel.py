"""A channel: a name under which sources publish and readers follow captions."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from surtitle.captions.caption import Caption
from surtitle.captions.edit import apply_correction
from surtitle.captions.exports import ExportOptions
from surtitle.captions.names import apply_names
from surtitle.channels.feed import Event, Feed
from surtitle.channels.session import (
    ORIGINAL,
    Journal,
    ResumableSource,
    Session,
    StoredSession,
    hash_resume_id,
    new_session,
    parse_caption_number,
)
from surtitle.channels.settings import ChannelSettings
from surtitle.channels.style import Style
from surtitle.channels.track import Track
from surtitle.channels.track_journal import TrackJournal
from surtitle.core.errors import NoSuchCaption, NoSuchChannel, TooMany
from surtitle.core.notifier import Notifier
from surtitle.core.settings import Limits
from surtitle.speakers.timeline import SpeakerNumbering, highest_number

_NAME_PATTERN = re.compile(r"\w[\w.-]{0,63}")
_MAX_STYLES = 50
_MAX_PREFIXES = 4  # restarts of the service across which a reader may resume
_UNKNOWN_RANGE = (
    50  # captions before and after the newest stored one that may have been on screens without being stored
)


def check_name(name: str) -> str:
    """Check a channel's name and return it unchanged. Raises `NoSuchChannel`."""
    if not _NAME_PATTERN.fullmatch(name):
        raise NoSuchChannel(
            f"{name[:70]!r} is not a valid channel name: use 1 to 64 letters, digits, dots, dashes or underscores."
        )
    return name


class Channel:
    """Has a track for the original captions, and one for each language that they are translated into.

    Methods that name no track refer to the original.
    """

    def __init__(
        self, name: str, limits: Limits, journal: Journal | None = None, changes: Notifier | None = None
    ) -> None:
        """``changes`` is notified of everything that changes in the channel, too."""
        self.name = name
        self.changes = Notifier(changes)  # of what its readers get, and of its sources and settings
        self.session: Session | None = None  # None until the first source starts
        self.settings = ChannelSettings()
        self.styles: dict[str, Style] = {}
        self.model: str | None = None  # the model of the running sources; that of the settings may still be loading
        self.speakers = SpeakerNumbering()
        self.failure = ""  # why the last change of the model failed
        self._limits = limits
        self._journal = journal
        self._epoch = secrets.token_hex(4)
        self.original = self._new_track(ORIGINAL)
        self.translations: dict[str, Track] = {}  # by language
        self._numbers = itertools.count(1)
        self._prefix = f"c{int(1000 * time.time()):x}"  # ids stay unique when the service restarts
        self._began: float | None = None
        self._created = self._active = time.monotonic()
        self._resumable: dict[str, ResumableSource] = {}

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The original and all translations."""
        return (self.original, *self.translations.values())

    def translation(self, language: str) -> Track:
        """The track of the translation into ``language``, created if necessary."""
        if language not in self.translations:
            self.translations[language] = self._new_track(language)
        return self.translations[language]

    @property
    def idle(self) -> bool:
        """Whether the channel has been inactive for so long that the next source begins a new session."""
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
        """All captions in memory, including open ones."""
        return self.original.captions

    def caption(self, key: str) -> Caption | None:
        """The newest revision of a caption, if it is in memory."""
        return self.original.caption(key)

    def visible(self) -> list[Caption]:
        """The captions on screen, oldest first."""
        return self.original.visible()

    async def since(self, number: int) -> list[Event]:
        """The events after sequence ``number`` of the feed, oldest first."""
        return await self.original.since(number)

    def on_screen(self) -> list[Event]:
        """The events that a new reader gets first."""
        return self.original.on_screen()

    async def transcript(self, form: str, options: ExportOptions = ExportOptions()) -> str:
        """See `Track.transcript`."""
        return await self.original.transcript(form, options)

    async def history(self) -> dict[str, Any]:
        """See `Track.history`."""
        return {"channel": self.name, **await self.original.history()}

    async def recall(self, name: str) -> None:
        """Load a final caption and its translations, so that they can be changed. Raises `SurtitleError`."""
        for track in self.tracks:
            await track.recall(name)

    def clock(self, ago: float = 0.0) -> float:
        """The time ``ago`` seconds before now, in seconds on the channel's clock, which its first source starts."""
        then = time.monotonic() - ago
        if self._began is None:
            self._began = then
        return then - self._began

    def begin(self, ago: float = 0.0, *, alone: bool = True) -> float:
        """Prepare for a source whose first sample is ``ago`` seconds old. Returns that sample's time on the clock.

        The source continues the channel's session, unless it is ``alone`` and the channel has been idle.
        """
        if self.session is not None and alone and self.idle:
            self._began = self.session = None
            self.clear()
        at = self.clock(ago)
        if self.session is None:
            self._new_session()
        return at

    def restore(self, stored: StoredSession) -> None:
        """Continue a session from an earlier run of the service."""
        self.session = session = stored.session
        self._epoch = session.epoch
        self._resumable = stored.sources
        captions = [caption for track in stored.tracks.values() for _, caption in track]
        furthest = max((caption.end for caption in captions), default=0.0)
        now = time.time()
        # if the computer's clock was set back meanwhile, new words must still come after old ones
        self._began = time.monotonic() - max(now - session.began, furthest)
        self._active = time.monotonic() - max(0.0, now - stored.seen)
        self.speakers = SpeakerNumbering(highest_number(caption.speaker for caption in captions))
        unknown = []
        for prefix in session.prefix.split():
            known = {parse_caption_number(caption.id, prefix) for caption in captions}
            newest = max(known, default=0)
            # ids before the newest, too: of two sources, one may commit words later than its caption got an id
            around = range(max(1, newest - _UNKNOWN_RANGE), newest + _UNKNOWN_RANGE + 1)
            unknown += [f"{prefix}-{number}" for number in around if number not in known]
        for language, track in {ORIGINAL: [], **stored.tracks}.items():
            made = self._new_track(language)
            if language == ORIGINAL:
                self.original = made
            else:
                self.translations[language] = made
            first = min((place for place, _ in track), default=1) - 1
            made.restore(track, session.sequence if language == ORIGINAL else first, unknown)
        self.session = replace(session, prefix=" ".join([self._prefix, *session.prefix.split()][:_MAX_PREFIXES]))
        self._save_session()

    def take_resumable(self, resume: str | None) -> ResumableSource | None:
        """The source with the id ``resume`` that was running when the service ended. It is returned only once."""
        in_time = time.monotonic() - self._created <= self._limits.resume_window
        return self._resumable.pop(hash_resume_id(resume), None) if resume and in_time else None

    def save_source(self, resume: str, name: str, clock: float) -> None:
        """Store a source that has started, with its first sample at ``clock`` seconds."""
        if self._journal is not None and self.session is not None:
            self._journal.save_source(self.session, resume, name, clock)

    def forget_source(self, resume: str) -> None:
        """Remove a stored source that has ended and will not be resumed."""
        if self._journal is not None and self.session is not None:
            self._journal.forget_source(self.session, resume)

    def save_settings(self) -> None:
        """Store the settings and styles."""
        if self._journal is not None:
            self._journal.save_settings(self.name, self.settings, self.styles)

    def new_id(self) -> str:
        return f"{self._prefix}-{next(self._numbers)}"

    def put(self, caption: Caption) -> None:
        """Add a new revision of a caption to the original track."""
        self.original.put(caption)

    def set_speaker(self, caption: Caption) -> Caption | None:
        """Add the speakers of a final caption, which became known late.

        Returns the newest revision, or None if the publisher need not get it.
        """
        for track in self.tracks:
            stored = track.final(caption.id)
            if stored is not None and stored.speaker is None:
                same = [word.text for word in stored.words] == [word.text for word in caption.words]
                words = (
                    caption.words if same else stored.words
                )  # the texts differ if it was corrected, or is a translation
                track.put(replace(stored, rev=stored.rev + 1, words=words, speaker=caption.speaker))
        updated = self.original.final(caption.id)
        return updated if updated is not None and updated.speaker == caption.speaker else None

    def correct(self, name: str, text: str | None, speaker: str | None) -> Caption:
        """Change the text or the speaker of a final caption. Returns the caption as it was before.

        Captions that may have left memory must be loaded by `recall` first. Raises `NoSuchCaption`.
        """
        before = self.original.final(name)
        if before is None:
            raise NoSuchCaption("This caption is not final yet, or no longer kept: wait until it is final, or reload.")
        after = apply_correction(before, before.text if text is None else text)
        if speaker is not None:
            words = tuple(replace(word, speaker=None) for word in after.words)  # a correction covers the whole caption
            after = replace(after, words=words, speaker=speaker or None)
        self.put(after)
        return before

    def rename(self) -> None:
        """Publish recent captions again, because the names in the settings have changed."""
        for track in self.tracks:
            track.rename()

    def tell(self, source: str, status: dict[str, Any]) -> None:
        """Publish the changed status of a source."""
        self._active = time.monotonic()
        self._publish(f"status:{source}", "status", {"source": source, **status})

    def set_style(self, name: str, style: Style) -> None:
        """Set the style of that name, and update the overlays that use it. Raises `TooMany`."""
        if name not in self.styles and len(self.styles) >= _MAX_STYLES:
            raise TooMany(f"A channel may have at most {_MAX_STYLES} styles: remove one first.")
        self.styles[name] = style
        self._publish(f"style:{name}", "style", _style_data(name, style))

    def forget_style(self, name: str) -> None:
        """Remove the style of that name; overlays that use it return to the service's default."""
        if self.styles.pop(name, None) is not None:
            self._publish(f"style:{name}", "style", _style_data(name, Style()))

    def clear(self) -> None:
        """Clear the screens and the transcript, and begin a new session."""
        for track in self.tracks:
            track.clear()
        if self.session is not None:
            self._new_session()

    def _new_session(self) -> None:
        began = time.time() - self.clock()
        self.session = new_session(self.name, began, self._epoch, self.original.feed.last, self._prefix)
        self._save_session()

    def _save_session(self) -> None:
        if self._journal is not None and self.session is not None:
            self._journal.save_session(self.session)

    def _new_track(self, language: str) -> Track:
        epoch = self._epoch + language.replace("-", "")
        journal = TrackJournal(self._journal, lambda: self.session, language) if self._journal is not None else None
        return Track(self._limits.captions, self._apply_names, self._style_events, journal, epoch, self.changes)

    def _publish(self, key: str, name: str, data: dict[str, Any]) -> None:
        """Publish an event to the readers of all tracks."""
        for track in self.tracks:
            track.feed.publish(key, name, data)

    def _apply_names(self, caption: Caption) -> Caption:
        """The caption with the name that its speaker was given in this channel."""
        return apply_names(caption, self.settings.names)

    def _style_events(self) -> Iterator[dict[str, Any]]:
        return (_style_data(*one) for one in self.styles.items())


def _style_data(name: str, style: Style) -> dict[str, Any]:
    return {"name": name, "style": style.as_json()}
