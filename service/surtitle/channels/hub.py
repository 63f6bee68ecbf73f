"""All channels and sources of one service."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from surtitle.channels.audio_tap import AudioListener
from surtitle.channels.channel import Channel
from surtitle.channels.channel_describer import ChannelDescriber
from surtitle.channels.channel_registry import ChannelRegistry
from surtitle.channels.engine_switcher import EngineSwitcher
from surtitle.channels.known_voices import KnownVoices
from surtitle.channels.left_audio import LeftAudio
from surtitle.channels.observer import ChannelObserver
from surtitle.channels.output_settings import Output
from surtitle.channels.readers import Readers
from surtitle.channels.running_session import skip_numbers
from surtitle.channels.running_sources import RunningSources
from surtitle.channels.session import Journal, Session, StoredSession, StoredSettings
from surtitle.channels.settings import ChannelSettings, SettingsChanges, check_language, clean_name
from surtitle.channels.source import Source
from surtitle.channels.source_opener import SourceOpener, SourceRequest
from surtitle.channels.source_options import SourceOptions
from surtitle.channels.style import Style
from surtitle.channels.text_source import TextSource
from surtitle.channels.text_sources import TextSources
from surtitle.channels.voice_store import VoiceStore
from surtitle.core.errors import BadRequest, Moved, ShuttingDown
from surtitle.core.keyed_lock import KeyedLock
from surtitle.core.metrics import Metrics
from surtitle.core.notifier import Notifier, from_thread
from surtitle.core.settings import Settings
from surtitle.core.wire.status import ChannelStatus
from surtitle.models.engines import Engines
from surtitle.speakers.diarizer import Diarizer

log = logging.getLogger("surtitle.hub")

_CANCEL_TIMEOUT = 2.0  # seconds for the steps of recognition that are in progress
_RESUME = re.compile(r"[\w-]{8,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """A source for a client that has sent start; ``owner`` fails when the client loses it."""

    source: Source
    owner: asyncio.Future[None]
    resumed: bool


class Hub:
    """Finds channels, opens sources, applies settings, and ends all sources at shutdown.

    ``audio_listener`` receives the audio of all sources. ``changes`` is notified of what changes in channels.
    ``voice_store`` keeps the known voices.
    """

    def __init__(
        self,
        settings: Settings,
        engines: Engines,
        journal: Journal | None = None,
        metrics: Metrics | None = None,
        audio_listener: AudioListener | None = None,
        changes: Notifier | None = None,
        voice_store: VoiceStore | None = None,
    ) -> None:
        self.known_voices = KnownVoices(voice_store, self.change)
        self.readers = Readers()
        self.sources = RunningSources()
        self.text_sources = TextSources(settings.limits, metrics)
        self._limits = settings.limits
        self._language = settings.language
        self._changes = changes or Notifier()
        self._channels = ChannelRegistry(
            settings.limits,
            journal,
            self._changes,
            self._is_in_use,
            settings.unstored_channels,
            _number_by_time if settings.bus else skip_numbers,
            settings.tenants,
        )
        self._shares_channels = settings.bus is not None
        self._journal = journal
        self._hosting = KeyedLock()
        self._hosted: set[str] = set()
        self._audio_listener = audio_listener
        self._diarizer = Diarizer(settings.speaker_model, from_thread(self._changes.notify))
        self._switcher = EngineSwitcher(engines, settings.language, self.sources.with_options, self._settings_changed)
        self._opener = SourceOpener(
            settings.limits,
            self.sources,
            self._switcher,
            self._diarizer,
            self.known_voices,
            metrics or Metrics(),
            audio_listener,
            self._source_ended,
            settings.tenants,
        )
        self._observers: list[ChannelObserver] = []
        self._describer = ChannelDescriber(
            self.readers,
            self.sources,
            self.text_sources,
            self._switcher,
            self._diarizer,
            self.known_voices,
            self._observers,
        )
        self._resuming = KeyedLock()
        self._left_audio = LeftAudio(self._opener, self._resuming, settings.limits.resume_window)
        self._cancelling: dict[Source, asyncio.Task[None]] = {}  # when the service stops
        self._stopping = False
        engines.on_default_changed = self._switch_default_engine
        engines.library.in_use = self.sources.models
        engines.paces = self.sources.paces

    def register(self, *observers: ChannelObserver) -> None:
        """Let parts of the service act on channels' settings from now on, and add to their descriptions."""
        self._observers += observers

    def channel(self, name: str) -> Channel:
        """The channel of that name, which is listed from now on, created if necessary.

        Raises `NoSuchChannel`, `TooMany`.
        """
        return self._channels.get(name)

    def channel_to_read(self, name: str) -> Channel:
        """The channel of that name for somebody who only reads; if it is created for that, it is not listed.

        It may be replaced while it has no reader. Raises `NoSuchChannel`, `TooMany`.
        """
        return self._channels.get_for_reading(name)

    def find_channel(self, name: str) -> Channel | None:
        """The channel of that name, if it exists."""
        return self._channels.find(name)

    def names(self, channel_name: str) -> Mapping[str, str]:
        """The names shown to readers of a channel, by the speakers' and sources' own names."""
        channel = self.find_channel(channel_name)
        return channel.settings.names if channel else {}

    async def host(self, name: str) -> Channel:
        """The channel of that name, for somebody who publishes to it or changes it, here and on no other service.

        Of services that share a bus, the one to which this happened last has the channel, and its clients on the
        others are disconnected: they continue here. Raises `NoSuchChannel`, `TooMany`, `ShuttingDown`, the journal's
        errors.
        """
        if self._stopping:
            raise ShuttingDown()
        channel = self.channel(name)
        if not self._shares_channels or name in self._hosted:
            return channel
        async with self._hosting.hold(name):
            channel = self.channel(name)  # it may have been given up meanwhile
            if name not in self._hosted:
                if self._journal is not None and channel.stored:
                    settings, session = await self._journal.take_over(name, self._limits.captions)
                    if settings is not None:
                        channel.settings = settings.settings
                        channel.styles.update(settings.styles)
                    if session is not None:
                        channel.restore(session)
                        await self._journal.flush()  # see `RunningSession.restore`
                channel.publish_pause(repeat=True)  # whatever the service published that had the channel before
                self._hosted.add(name)
                self._notify_observers(channel)
        return channel

    async def find_continuing(self, session: Session) -> Channel | None:
        """The channel that continues a session, which is captioned here from now on; None if the session has ended.

        Raises what `host` does.
        """
        if self._shares_channels and self._journal is not None and await self._journal.is_newest(session):
            await self.host(session.channel)
        channel = self.find_channel(session.channel)
        return channel if channel is not None and channel.session.is_current(session.id) else None

    def hosts(self, channel: Channel) -> bool:
        """Whether the channel is captioned here, and not on another service that shares a bus with this one."""
        return not self._shares_channels or channel.name in self._hosted

    async def release(self, channel: Channel) -> None:
        """Give up a channel that another service has now: its clients are disconnected and continue there.

        Nothing happens if that is old news, because this service has taken the channel over again.
        """
        name = channel.name
        async with self._hosting.hold(name):
            if self._channels.find(name) is not channel or name not in self._hosted:
                return
            self._hosted.discard(name)
            log.warning("%s: another service captions the channel now", name)
            for source in self.sources.of(channel):
                source.lease.disconnect(Moved())
            await asyncio.gather(*(source.cancel() for source in self.sources.of(channel)))
            await self.text_sources.end(channel)
            channel.settings, channel.styles = ChannelSettings(), {}
            self._notify_observers(channel)
            self._channels.forget(name)

    async def open(
        self,
        channel_name: str,
        name: str,
        options: SourceOptions = SourceOptions(),
        resume: str | None = None,
        age: float = 0.0,
    ) -> OpenedSource:
        """A new source whose first sample is ``age`` seconds old, or the source that ``resume`` identifies.

        Raises `NoSuchChannel`, `BadRequest`, `TooMany`, `EngineError`, `ShuttingDown`.
        """
        channel = await self.host(channel_name)
        if options.language:
            options = replace(options, language=check_language(options.language))
        if resume is not None and not _RESUME.fullmatch(resume):
            raise BadRequest("The resume id is invalid: send the one from the ready message, or none.")
        name = clean_name(name) or "source"
        resume = resume or secrets.token_urlsafe(16)
        async with self._resuming.hold((channel.name, resume)):  # a client may come twice while its source is opened
            if (existing := self.sources.find_resumable(channel, resume)) is not None:
                log.info("%s/%s: resumed at %.1f s", channel.name, existing.name, existing.input.received)
                return OpenedSource(existing, existing.lease.attach(), resumed=True)
            left, settings = channel.session.find_resumable(resume), channel.settings
            source = await self._opener.open(SourceRequest(channel, name, options, resume, age, left))
            if channel.settings is not settings:  # a new session has begun, without the speakers' names of the last one
                self._settings_changed(channel)
        if self._stopping:
            source.end()
            raise ShuttingDown()
        return OpenedSource(source, source.lease.attach(), resumed=left is not None)

    def check_room(self, channel_name: str) -> None:
        """Check whether a source could start in a channel now. Raises `NoSuchChannel`, `TooMany`."""
        self._opener.check_room(self.channel(channel_name))

    def change_options(self, source: Source, options: SourceOptions) -> None:
        """Change what the client of a source requests: the language and hints apply from the next utterance on.

        Raises `BadRequest`.
        """
        if options.language:
            options = replace(options, language=check_language(options.language))
        if not source.ended and options != self.sources.options(source):
            self._switcher.check_options(source, options)
            self.sources.add(source, options)
            self._switcher.switch_engine(source.channel)

    def open_text_source(self, channel_name: str, name: str, language: str | None, age: float = 0.0) -> TextSource:
        """A new source for a captioner, whose first words were spoken ``age`` seconds ago.

        Without a ``language`` it is the channel's, or English. Raises `NoSuchChannel`, `TooMany`, `ShuttingDown`.
        """
        if self._stopping:
            raise ShuttingDown()
        channel = self.channel(channel_name)
        sources = self.sources.of(channel)
        language = language or channel.settings.language or self._language
        settings = channel.settings
        channel.begin(age, alone=not sources)
        if channel.settings is not settings:
            self._settings_changed(channel)
        taken = {source.name for source in sources} | {source.name for source in self.text_sources.of(channel)}
        return self.text_sources.open(channel, name, "en" if language == "auto" else language, taken)

    def change(self, channel_name: str, changes: SettingsChanges) -> Channel:
        """Change a channel's settings, even while captions run. Raises `NoSuchChannel`, `TooMany`, `BadRequest`."""
        channel = self.channel(channel_name)
        self._switcher.change(channel, changes)
        for source in self.sources.of(channel):
            self._opener.update_speakers(source)
        self._settings_changed(channel)
        return channel

    def clear(self, channel: Channel) -> None:
        """Clear the screens and the transcript of a channel, whose running sources continue in a new session."""
        channel.clear()
        for source in self.sources.of(channel):
            channel.session.save_source(source.resume, source.name, source.clock, source.recognized)

    def set_outputs(self, channel: Channel, outputs: tuple[Output, ...]) -> None:
        """Change where a channel's captions are sent."""
        channel.settings = msgspec.structs.replace(channel.settings, outputs=outputs)
        self._settings_changed(channel)

    def set_style(self, channel_name: str, name: str, style: Style | None) -> Channel:
        """Set the style of that name, and update the overlays that use it; None removes the style.

        Raises `NoSuchChannel`, `TooMany`.
        """
        channel = self.channel(channel_name)
        if style is None:
            channel.forget_style(name)
        else:
            channel.set_style(name, style)
        self._settings_changed(channel)
        return channel

    def restore(self, settings: Mapping[str, StoredSettings], sessions: Iterable[StoredSession]) -> None:
        """Restore the channels of an earlier run of the service, even if they are more than the limit allows."""
        for name, stored in settings.items():
            channel = self._channels.restore(name)
            channel.settings = stored.settings
            channel.styles.update(stored.styles)
        for session in sessions:
            self._channels.restore(session.session.channel).restore(session)
        for name in settings:
            self._notify_observers(self._channels.restore(name))
        count, limit = len(self._channels), self._limits.channels
        if count > limit:
            log.warning(
                "%d channels were restored, but the limit is %d: no new ones can be created until the service is "
                "started with --limit channels=%d or more",
                count,
                limit,
                count + 1,
            )

    def snapshot(self) -> list[ChannelStatus]:
        """All listed channels with their sources, for the dashboard."""
        return [self.describe(channel) for channel in self._channels]

    def describe(self, channel: Channel) -> ChannelStatus:
        """A channel with its sources."""
        return self._describer.describe(channel)

    @property
    def stopping(self) -> bool:
        return self._stopping

    def disconnect(self) -> None:
        """Disconnect all publishers and accept no new ones, because the service is about to stop."""
        self._stopping = True
        for source in self.sources:
            source.lease.disconnect(ShuttingDown())

    async def finish(self, timeout: float) -> None:
        """End all sources, within ``timeout`` seconds and those for the steps of recognition in progress.

        Their captions become final: with the words recognized so far, if recognizing the rest takes longer.
        """
        await self.text_sources.finish()
        await self._left_audio.finish(timeout)
        finishing = [asyncio.create_task(one.finish()) for one in self.sources if one not in self._cancelling]
        if finishing:
            await asyncio.wait(finishing, timeout=timeout)
        for task in finishing:
            task.cancel()
        await asyncio.gather(*finishing, return_exceptions=True)
        for source in self.sources:  # all at once: while one waits for its step to end, the others would begin another
            if source not in self._cancelling:
                task = asyncio.create_task(source.cancel(), name=f"cancel {source.name}")
                self._cancelling[source] = task
        if self._cancelling:
            await asyncio.wait(self._cancelling.values(), timeout=_CANCEL_TIMEOUT)
        for channel in self._channels:
            channel.original.finalize()

    async def close(self, timeout: float) -> None:
        """Like `finish`, and release everything."""
        await self._switcher.close()
        await self.known_voices.close()
        await self.finish(timeout)
        await asyncio.to_thread(self._diarizer.close)

    def _is_in_use(self, channel: Channel) -> bool:
        return bool(self.readers.of(channel.name) or self.sources.of(channel) or self.text_sources.of(channel))

    def _switch_default_engine(self) -> None:
        """Switch the channels that use the default engine to the new default."""
        for channel in {source.channel for source in self.sources}:
            if channel.settings.model is None:
                self._switcher.switch_engine(channel)

    def _settings_changed(self, channel: Channel) -> None:
        channel.save_settings()
        self._notify_observers(channel)

    def _notify_observers(self, channel: Channel) -> None:
        self.known_voices.apply(channel)
        for observer in self._observers:
            observer.apply(channel)
        channel.changes.notify()

    def _source_ended(self, source: Source) -> None:
        if self._audio_listener is not None:
            self._audio_listener.leave(source)
        self._left_audio.keep(source, self.sources.options(source))
        others = (one for one in self.sources.of(source.channel) if one is not source)
        resumed = any(one.resume == source.resume for one in others)  # its client did not wait for its end
        if not (self._stopping or resumed) and self.hosts(source.channel):  # otherwise its client may resume elsewhere
            source.channel.session.forget_source(source.resume)
        source.channel.changes.notify()


def _number_by_time(last: int | None) -> int:
    """The number after which a service continues that shares a bus, if ``last`` was stored.

    Sequence numbers are at most as many as the milliseconds since 1970, because a channel has fewer than a thousand
    events per second. So whatever has begun later has higher numbers, even if nothing of it was stored.
    """
    now = round(1000 * time.time())
    return now if last is None else max(last + 1, now)
