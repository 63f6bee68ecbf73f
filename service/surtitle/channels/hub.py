"""All channels and sources of one service."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from surtitle.channels.audio_tap import AudioListener
from surtitle.channels.channel import Channel, check_name
from surtitle.channels.engine_switcher import EngineSwitcher
from surtitle.channels.observer import ChannelObserver
from surtitle.channels.session import Journal, ResumableSource, StoredSession, StoredSettings
from surtitle.channels.settings import ChannelSettings, SettingsChanges, check_language, clean_name
from surtitle.channels.source import Source
from surtitle.channels.style import Style
from surtitle.core.errors import BadRequest, ShuttingDown, TooMany
from surtitle.core.logs import about
from surtitle.core.metrics import Metrics
from surtitle.core.settings import Settings
from surtitle.models.engines import Engines
from surtitle.models.lag import SourcePace
from surtitle.pipeline import Pipeline
from surtitle.speakers.diarizer import Diarizer

log = logging.getLogger("surtitle.hub")

_RESUME = re.compile(r"[\w-]{8,64}", re.ASCII)
_STOPPING = "The service is stopping: connect again in a moment."


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """A source for a client that has sent start; ``owner`` fails when the client loses it."""

    source: Source
    owner: asyncio.Future[None]
    resumed: bool


class Hub:
    """Opens sources, finds channels, and ends all sources at shutdown.

    ``audio_listener`` receives the audio of all sources.
    """

    def __init__(
        self,
        settings: Settings,
        engines: Engines,
        journal: Journal | None = None,
        metrics: Metrics | None = None,
        audio_listener: AudioListener | None = None,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._diarizer = Diarizer(settings.speaker_model)
        self._limits = settings.limits
        self._metrics = metrics or Metrics()
        engines.on_default_changed = self._switch_default_engine
        engines.library.in_use = self._list_models_in_use
        engines.paces = self._list_paces
        self._channels: dict[str, Channel] = {}
        self._sources: dict[Source, str | None] = {}  # with the languages that their clients requested
        self._switcher = EngineSwitcher(engines, settings.language, self._running, self._settings_changed)
        self._audio_listener = audio_listener
        self._observers: list[ChannelObserver] = []
        self._opening = 0
        self._stopping = False
        self.readers: dict[str, int] = {}

    def register(self, *observers: ChannelObserver) -> None:
        """Let parts of the service act on channels' settings from now on, and add to their descriptions."""
        self._observers += observers

    def channel(self, name: str) -> Channel:
        """The channel of that name, created if necessary. Raises `NoSuchChannel`, `TooMany`."""
        channel = self._channels.get(name)
        if channel is None:
            check_name(name)
            if len(self._channels) >= self._limits.channels:
                self._drop_unused()
            if len(self._channels) >= self._limits.channels:
                raise TooMany(f"There are already {len(self._channels)} channels: use one of those.")
            channel = self._create_channel(name)
        return channel

    def find_channel(self, name: str) -> Channel | None:
        """The channel of that name, if it exists."""
        return self._channels.get(name)

    def names(self, channel_name: str) -> Mapping[str, str]:
        """The names shown to readers of a channel, by the speakers' and sources' own names."""
        channel = self.find_channel(channel_name)
        return channel.settings.names if channel else {}

    async def open(
        self, channel_name: str, name: str, language: str | None, resume: str | None, age: float = 0.0
    ) -> OpenedSource:
        """A new source whose first sample is ``age`` seconds old, or the source that ``resume`` identifies.

        Raises `NoSuchChannel`, `BadRequest`, `TooMany`, `EngineError`.
        """
        channel = self.channel(channel_name)
        language = check_language(language) if language else None
        if resume is not None and not _RESUME.fullmatch(resume):
            raise BadRequest("The resume id is invalid: send the one from the ready message, or none.")
        name = clean_name(name) or "source"
        if (existing := self._find_resumable(channel, resume)) is not None:
            log.info("%s/%s: resumed at %.1f s", channel.name, existing.name, existing.received)
            return OpenedSource(existing, existing.attach(), resumed=True)
        left = channel.take_resumable(resume)
        source = await self._start(channel, name, language, resume or secrets.token_urlsafe(16), age, left)
        if self._stopping:
            source.end()
            raise ShuttingDown(_STOPPING)
        return OpenedSource(source, source.attach(), resumed=left is not None)

    def change(self, channel_name: str, changes: SettingsChanges) -> Channel:
        """Change a channel's settings, even while captions run. Raises `NoSuchChannel`, `TooMany`, `BadRequest`."""
        channel = self.channel(channel_name)
        self._switcher.change(channel, changes)
        for source in self.sources(channel):
            self._update_speakers(source)
        self._settings_changed(channel)
        return channel

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
            channel = self._restored_channel(name)
            channel.settings = stored.settings
            channel.styles.update(stored.styles)
        for session in sessions:
            self._restored_channel(session.session.channel).restore(session)
        for name in settings:
            self._notify(self._channels[name])
        count, limit = len(self._channels), self._limits.channels
        if count > limit:
            log.warning(
                "%d channels were restored, but the limit is %d: no new ones can be created until the service is "
                "started with --limit channels=%d or more",
                count,
                limit,
                count + 1,
            )

    def sources(self, channel: Channel) -> list[Source]:
        return [source for source, _ in self._running(channel)]

    def resumable(self, channel: Channel, resume: str | None) -> Source | None:
        """The running source that this id would resume, if there is one."""
        return self._find_resumable(channel, resume)

    def snapshot(self) -> list[dict[str, Any]]:
        """All channels with their sources, for the dashboard."""
        return [self.describe(channel) for channel in self._channels.values()]

    def describe(self, channel: Channel) -> dict[str, Any]:
        return {
            "name": channel.name,
            "readers": self.readers.get(channel.name, 0),
            "captions": channel.finals,
            "language": channel.settings.language,
            "model": channel.settings.model,
            "paused": channel.settings.paused,
            "switch": self._switcher.describe(channel),
            "diarization": {"enabled": channel.settings.diarization.enabled, **self._diarizer.state.as_json()},
            "sources": [source.snapshot() for source in self.sources(channel)],
            **{name: value for observer in self._observers for name, value in observer.describe(channel).items()},
        }

    @property
    def stopping(self) -> bool:
        return self._stopping

    def disconnect(self) -> None:
        """Disconnect all publishers and accept no new ones, because the service is about to stop."""
        self._stopping = True
        for source in self._sources:
            source.disconnect(ShuttingDown(_STOPPING))

    async def finish(self, timeout: float) -> None:
        """End all sources; their captions become final if ``timeout`` seconds are enough."""
        finishing = [asyncio.create_task(source.finish()) for source in self._sources if not source.ended]
        if finishing:
            await asyncio.wait(finishing, timeout=timeout)
        for task in finishing:
            task.cancel()
        await asyncio.gather(*finishing, return_exceptions=True)

    async def close(self, timeout: float) -> None:
        """Like `finish`, and release everything."""
        await self._switcher.close()
        await self.finish(timeout)
        for source in self._sources:
            await source.cancel()
        await asyncio.to_thread(self._diarizer.close)

    def _create_channel(self, name: str) -> Channel:
        channel = self._channels[name] = Channel(name, self._limits, self._journal)
        return channel

    def _restored_channel(self, name: str) -> Channel:
        return self._channels.get(name) or self._create_channel(name)

    def _update_speakers(self, source: Source) -> None:
        """Start, restart or stop the diarization of a source according to its channel's settings."""
        wanted = source.channel.settings.diarization
        if not wanted.covers(source.name):
            source.set_speaker_stream(None)
        elif source.speaker_stream is None or source.speaker_stream.latency != wanted.latency:
            source.set_speaker_stream(self._diarizer.open(source.position, wanted.latency))

    def _running(self, channel: Channel | None = None) -> Iterator[tuple[Source, str | None]]:
        """The running sources of one channel or of all, with the languages that their clients requested."""
        self._sources = {source: language for source, language in self._sources.items() if not source.ended}
        return ((one, language) for one, language in self._sources.items() if channel in (None, one.channel))

    def position(self, channel: Channel, name: str) -> float | None:
        """The position of the newest source of that name, in seconds on the channel's clock; None without a source."""
        return next((source.position for source in reversed(self.sources(channel)) if source.name == name), None)

    def translates(self, channel: Channel) -> bool | None:
        """Whether a source's recognizer itself can translate into English; None while there is no source."""
        sources = self.sources(channel)
        return any(source.translates for source in sources) if sources else None

    def source(self, channel: Channel, name: str) -> Source | None:
        """The newest running source of that name, if there is one."""
        return next((one for one in reversed(self.sources(channel)) if one.name == name), None)

    def _switch_default_engine(self) -> None:
        """Switch the channels that use the default engine to the new default."""
        for channel in {source.channel for source, _ in self._running()}:
            if channel.settings.model is None:
                self._switcher.switch_engine(channel)

    def _list_paces(self) -> list[SourcePace]:
        """The lag of each live source, for the choice of the default model."""
        return [
            SourcePace(source.key, source.model, source.received, source.lag, source.skipped)
            for source in self._list_running()
            if source.attached
        ]

    def _list_models_in_use(self) -> set[str]:
        running = [source for source, _ in self._running()]
        return {source.model for source in running} | {source.channel.model or "" for source in running}

    def _settings_changed(self, channel: Channel) -> None:
        channel.save_settings()
        self._notify(channel)

    def _notify(self, channel: Channel) -> None:
        for observer in self._observers:
            observer.apply(channel)

    async def _start(
        self, channel: Channel, name: str, language: str | None, resume: str, age: float, left: ResumableSource | None
    ) -> Source:
        await self._evict_for(channel)
        self._opening += 1
        try:
            choice, stream = await self._switcher.open(channel, language)
            name = await self._free_name(channel, left.name if left else name)
            at = channel.begin(age, alone=not self.sources(channel))
            received = left.received if left else 0.0
            if left:
                at = left.clock + received
            pipeline = Pipeline(
                stream,
                name,
                channel.new_id,
                at,
                lambda: channel.settings.vocabulary.rules,
                channel.speakers.of(name),
            )
            key = secrets.token_hex(3)
            with about(channel.name, key):
                more = (self._limits, received, self._ended, key, self._metrics)
                source = Source(channel, name, resume, pipeline, choice.engine, *more)
                log.info("%s/%s: started on %s (%s)", channel.name, name, choice.engine.name, stream.language)
            source.audio_listener = self._audio_listener
            self._sources[source] = language
            self._update_speakers(source)
            channel.save_source(resume, name, source.clock)
            self._switcher.check_choice(source, choice, language)
        finally:
            self._opening -= 1
        return source

    def _ended(self, source: Source) -> None:
        if self._audio_listener is not None:
            self._audio_listener.leave(source)
        if not self._stopping:  # otherwise its client may resume with the next run of the service
            source.channel.forget_source(source.resume)

    async def _evict_for(self, channel: Channel) -> None:
        """Make sure that one more source may start, by ending one whose client is away. Raises `TooMany`."""
        limits = self._limits
        for limit, running in (
            (limits.sources_per_channel, self.sources(channel)),
            (limits.sources, self._list_running()),
        ):
            if len(running) + self._opening < limit:
                continue
            away = next((source for source in running if not source.attached), None)
            if away is None:
                where = "in all" if limit == limits.sources else f"in {channel.name}"
                raise TooMany(f"{limit} sources are already running {where}: end one first.")
            await away.finish()

    def _list_running(self) -> list[Source]:
        return [source for source, _ in self._running()]

    async def _free_name(self, channel: Channel, name: str) -> str:
        """The name, with a number if an active source has it; a source of that name whose client is away ends."""
        for source in self.sources(channel):
            if source.name == name and not source.attached:
                await source.finish()
        taken = {source.name for source in self.sources(channel) if source.resumable}
        candidates = (name, *(f"{name} {number}" for number in range(2, self._limits.sources + 2)))
        return next(candidate for candidate in candidates if candidate not in taken)

    def _find_resumable(self, channel: Channel, resume: str | None) -> Source | None:
        for source in self.sources(channel):
            if resume is not None and source.resumable and secrets.compare_digest(source.resume, resume):
                return source
        return None

    def _drop_unused(self) -> None:
        for channel in list(self._channels.values()):
            keeps_captions = channel.finals and not (self._journal and channel.idle)
            used = keeps_captions or channel.styles or self.readers.get(channel.name) or self.sources(channel)
            if not used and channel.settings == ChannelSettings():
                del self._channels[channel.name]
