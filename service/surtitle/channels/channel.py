"""A channel: a name under which sources publish and readers follow captions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec

from surtitle.captions.caption import Caption
from surtitle.captions.edit import apply_correction
from surtitle.captions.names import apply_names
from surtitle.channels.backup import BackupSwitch
from surtitle.channels.running_session import RunningSession, skip_numbers
from surtitle.channels.session import ORIGINAL, Journal, StoredSession
from surtitle.channels.settings import ChannelSettings
from surtitle.channels.style import Style, StyleEvent
from surtitle.channels.track import Track
from surtitle.channels.track_journal import TrackJournal
from surtitle.core.errors import NoSuchCaption, NoSuchChannel, TooMany
from surtitle.core.notifier import Notifier
from surtitle.core.settings import Limits
from surtitle.core.wire.captions import PauseEvent
from surtitle.core.wire.sources import SourceEvent
from surtitle.speakers.timeline import SpeakerNumbering, highest_number, is_numbered

_NAME_PATTERN = re.compile(r"\w[\w.-]{0,63}")
_MAX_STYLES = 50


def check_name(name: str) -> str:
    """Check a channel's name and return it unchanged. Raises `NoSuchChannel`."""
    if not _NAME_PATTERN.fullmatch(name):
        raise NoSuchChannel(
            f"{name[:70]!r} is not a valid channel name: use 1 to 64 letters, digits, dots, dashes or underscores."
        )
    return name


def check_token_channel(name: str) -> str:
    """Check what a token is for and return it unchanged: a channel, `*` for all, or the beginning of names and `*`.

    Raises `NoSuchChannel`.
    """
    if name != "*":
        check_name(name.removesuffix("*"))
    return name


class Channel:
    """Has a track for the original captions, and one for each language that they are translated into."""

    def __init__(
        self,
        name: str,
        limits: Limits,
        journal: Journal | None = None,
        changes: Notifier | None = None,
        continue_after: Callable[[int | None], int] = skip_numbers,
    ) -> None:
        """``changes`` is notified of everything that changes in the channel, too.

        ``continue_after`` gives the number after which events are numbered: see `RunningSession`.
        """
        self.name = name
        self.changes = Notifier(changes)  # of what its readers get, and of its sources and settings
        self.settings = ChannelSettings()
        self.styles: dict[str, Style] = {}
        self.model: str | None = None  # the model of the running sources; that of the settings may still be loading
        self.speakers = SpeakerNumbering()
        self.backup = BackupSwitch()
        self.break_scene: str | None = None
        """The scene on program in OBS, if it is one during which the channel is paused."""
        self.failure = ""  # why the last change of the model failed
        self.session = RunningSession(name, limits, journal, continue_after)
        self._limits = limits
        self._journal = journal
        self._published_pause = False
        self.original = self._new_track(ORIGINAL)
        self.translations: dict[str, Track] = {}  # by language

    @property
    def stored(self) -> bool:
        """Whether something of the channel may be stored."""
        return self._journal is not None

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
    def paused(self) -> bool:
        """Whether incoming audio is not captioned: a person has paused the channel, or a scene in OBS does."""
        return self.settings.paused or self.break_scene is not None

    def pause_for_scene(self, scene: str | None) -> None:
        """Pause while this scene is on program in OBS; None ends that."""
        if scene != self.break_scene:
            self.break_scene = scene
            self.publish_pause()

    def publish_pause(self, *, repeat: bool = False) -> None:
        """Publish to readers whether the channel is paused, if that has changed, or again with ``repeat``."""
        if repeat or self.paused != self._published_pause:
            self._published_pause = self.paused
            self._publish("pause", "pause", PauseEvent(paused=self.paused))
        self.changes.notify()

    async def recall(self, name: str) -> None:
        """Load a final caption and its translations, so that they can be changed. Raises `SurtitleError`."""
        for track in self.tracks:
            await track.recall(name)

    def begin(self, ago: float = 0.0, *, alone: bool = True) -> float:
        """Prepare for a source whose first sample is ``ago`` seconds old. Returns that sample's time on the clock.

        The source continues the channel's session, unless it is ``alone`` and the channel has been idle.
        """
        if self.session.current is not None and alone and self.session.idle:
            self._leave_speakers()
            self.session.end()
            self.clear()
        at = self.session.clock(ago)
        if self.session.current is None:
            self.session.begin(self.original.feed.last)
        return at

    def restore(self, stored: StoredSession) -> None:
        """Continue a session from an earlier run of the service."""
        captions = [caption for track in stored.tracks.values() for _, caption in track]
        unstored = self.session.restore(stored)
        self.speakers = SpeakerNumbering(highest_number(caption.speaker for caption in captions))
        self.original = self._new_track(ORIGINAL)  # which continues the feed of the restored session
        self.original.restore(stored.tracks.get(ORIGINAL, []), stored.session.sequence, unstored)
        for language, track in stored.tracks.items():
            if language != ORIGINAL:
                restored = self.translations[language] = self._new_track(language)
                cleared = min((sequence for sequence, _ in track), default=1) - 1
                restored.restore(track, cleared, unstored)

    def save_settings(self) -> None:
        """Store the settings and styles."""
        if self._journal is not None:
            self._journal.save_settings(self.name, self.settings, self.styles)

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
        self.original.put(after)
        return before

    def rename(self) -> None:
        """Publish recent captions again, because the names in the settings have changed."""
        for track in self.tracks:
            track.rename()

    def tell(self, event: SourceEvent) -> None:
        """Publish the changed status of a source."""
        self.session.note_activity()
        self._publish(f"status:{event['source']}", "status", event)

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
        if self.session.current is not None:
            if self.settings.diarization.knows_voices:
                self.session.keep_names(self._numbered_names)  # running sources continue with the same speakers
            self.session.begin(self.original.feed.last)

    @property
    def _numbered_names(self) -> dict[str, str]:
        """The names given to numbered speakers."""
        return {name: shown for name, shown in self.settings.names.items() if is_numbered(name)}

    def _leave_speakers(self) -> None:
        """Let the names of numbered speakers belong to the session that ends, if voices are known.

        Its *Speaker 1* is then not that of the next session, who is found by the voice.
        """
        if self.settings.diarization.knows_voices:
            numbered = self._numbered_names
            self.session.keep_names(numbered)
            names = {name: shown for name, shown in self.settings.names.items() if name not in numbered}
            self.settings = msgspec.structs.replace(self.settings, names=names)
            self.speakers = SpeakerNumbering()

    def _new_track(self, language: str) -> Track:
        epoch = self.session.epoch + language.replace("-", "")
        journal = None
        if self._journal is not None:
            journal = TrackJournal(self._journal, lambda: self.session.current, language)
        track = Track(self._limits.captions, self._apply_names, self._style_events, journal, epoch, self.changes)
        if restarted := self.session.restarted:
            track.feed.restart(restarted)
        if self._published_pause:
            track.feed.publish("pause", "pause", PauseEvent(paused=True))
        return track

    def _publish(self, key: str, name: str, data: object) -> None:
        """Publish an event to the readers of all tracks."""
        for track in self.tracks:
            track.feed.publish(key, name, data)

    def _apply_names(self, caption: Caption) -> Caption:
        """The caption with the name that its speaker was given in this channel."""
        return apply_names(caption, self.settings.names)

    def _style_events(self) -> Iterator[StyleEvent]:
        return (_style_data(*one) for one in self.styles.items())


def _style_data(name: str, style: Style) -> StyleEvent:
    return StyleEvent(name=name, style=style)
