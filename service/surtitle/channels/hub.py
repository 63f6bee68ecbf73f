"""All channels and sources of one service."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from surtitle.channels.audio_tap import Listener
from surtitle.channels.channel import Channel, check_name
from surtitle.channels.engine_switcher import EngineSwitcher
from surtitle.channels.session import Journal, ResumableSource, StoredSession
from surtitle.channels.settings import Changes, ChannelSettings, check_language, clean_name
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
    """A source for a client that just said "start"."""

    source: Source
    owner: asyncio.Future[None]
    resumed: bool


class Hub:
    """Opens sources, finds channels, ends everything at the end."""

    def __init__(
        self, settings: Settings, engines: Engines, journal: Journal | None = None, metrics: Metrics | None = None
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._diarizer = Diarizer(settings.speaker_model)
        self._limits = settings.limits
        self._metrics = metrics or Metrics()
        engines.on_default_changed = self._retune_defaults
        engines.library.in_use = self._models_in_use
        engines.paces = self._paces
        self._channels: dict[str, Channel] = {}
        self._sources: dict[Source, str | None] = {}  # with the languages that their clients asked for
        self._tuner = EngineSwitcher(engines, settings.language, self._running)
        self.retold: Callable[[Channel], None] = lambda channel: None
        """Called when a channel's settings or styles have changed."""
        self.more: Callable[[Channel], dict[str, Any]] = lambda channel: {}
        """What others have to add to a channel's description."""
        self.listener: Listener | None = None
        """Who hears all sources."""
        self._opening = 0
        self._stopping = False
        self.readers: dict[str, int] = {}

    def channel(self, name: str) -> Channel:
        """The channel of that name, made if need be. Raises `NoSuchChannel`, `TooMany`."""
        channel = self._channels.get(name)
        if channel is None:
            check_name(name)
            if len(self._channels) >= self._limits.channels:
                self._drop_unused()
            if len(self._channels) >= self._limits.channels:
                raise TooMany(f"There are {self._limits.channels} channels already: use one of those.")
            channel = self._channels[name] = Channel(name, self._limits, self._journal)
        return channel

    def known(self, name: str) -> Channel | None:
        """The channel of that name, if there is one."""
        return self._channels.get(name)

    def names(self, channel_name: str) -> Mapping[str, str]:
        """What readers of a channel see instead of speakers' and sources' own names."""
        channel = self.known(channel_name)
        return channel.settings.names if channel else {}

    async def open(
        self, channel_name: str, name: str, language: str | None, resume: str | None, age: float = 0.0
    ) -> OpenedSource:
        """A new source with a first sample ``age`` seconds old, or the one that ``resume`` names if it is still kept.

        Raises `NoSuchChannel`, `BadRequest`, `TooMany`, `EngineError`.
        """
        channel = self.channel(channel_name)
        language = check_language(language) if language else None
        if resume is not None and not _RESUME.fullmatch(resume):
            raise BadRequest("This resume id is none of ours: send the one from the ready message, or none.")
        name = clean_name(name) or "source"
        if (kept := self._kept(channel, resume)) is not None:
            log.info("%s/%s: resumed at %.1f s", channel.name, kept.name, kept.received)
            return OpenedSource(kept, kept.attach(), resumed=True)
        left = channel.left(resume)
        source = await self._start(channel, name, language, resume or secrets.token_urlsafe(16), age, left)
        if self._stopping:
            source.end()
            raise ShuttingDown(_STOPPING)
        return OpenedSource(source, source.attach(), resumed=left is not None)

    def change(self, channel_name: str, changes: Changes) -> Channel:
        """Change a channel's settings, also while captions run. Raises `NoSuchChannel`, `TooMany`, `BadRequest`."""
        channel = self.channel(channel_name)
        self._tuner.change(channel, changes)
        for source in self.sources(channel):
            self._listen(source)
        self._retold(channel)
        return channel

    def restyle(self, channel_name: str, name: str, style: Style | None) -> Channel:
        """Change how overlays look that use the style of that name; None forgets it.

        Raises `NoSuchChannel`, `TooMany`.
        """
        channel = self.channel(channel_name)
        if style is None:
            channel.forget_style(name)
        else:
            channel.restyle(name, style)
        self._retold(channel)
        return channel

    def restore(self, channel_name: str, settings: ChannelSettings, styles: Mapping[str, Style]) -> Channel:
        """What a channel was told before the service was started. Raises `NoSuchChannel`, `TooMany`."""
        channel = self.channel(channel_name)
        channel.settings = settings
        channel.styles.update(styles)
        return channel

    def recall(self, kept: StoredSession) -> None:
        """What was said before the service was started. Raises `NoSuchChannel`, `TooMany`."""
        self.channel(kept.session.channel).restore(kept)

    def sources(self, channel: Channel) -> list[Source]:
        return [source for source, _ in self._running(channel)]

    def resumable(self, channel: Channel, resume: str | None) -> Source | None:
        """The source that this id would continue, if it is kept."""
        return self._kept(channel, resume)

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
            "switch": self._tuner.describe(channel),
            "diarization": {"enabled": channel.settings.diarization.enabled, **self._diarizer.state.as_json()},
            "sources": [source.snapshot() for source in self.sources(channel)],
            **self.more(channel),
        }

    @property
    def stopping(self) -> bool:
        return self._stopping

    def dismiss(self) -> None:
        """The service is about to stop: all publishers have to go, and no more may come."""
        self._stopping = True
        for source in self._sources:
            source.dismiss(ShuttingDown(_STOPPING))

    async def finish(self, timeout: float) -> None:
        """End all sources; what they said so far becomes final if ``timeout`` seconds are enough."""
        finishing = [asyncio.create_task(source.finish()) for source in self._sources if not source.ended]
        if finishing:
            await asyncio.wait(finishing, timeout=timeout)
        for task in finishing:
            task.cancel()
        await asyncio.gather(*finishing, return_exceptions=True)

    async def close(self, timeout: float) -> None:
        """The same, and let go of all that is left."""
        await self._tuner.close()
        await self.finish(timeout)
        for source in self._sources:
            await source.cancel()
        await asyncio.to_thread(self._diarizer.close)

    def _listen(self, source: Source) -> None:
        """Tell a source's speakers apart if its channel says so."""
        wanted = source.channel.settings.diarization
        if not wanted.wants(source.name):
            source.listen(None)
        elif source.listening is None or source.listening.latency != wanted.latency:
            source.listen(self._diarizer.open(source.position, wanted.latency))

    def _running(self, channel: Channel | None = None) -> Iterator[tuple[Source, str | None]]:
        """The sources that run, of one channel or of all."""
        self._sources = {source: language for source, language in self._sources.items() if not source.ended}
        return ((one, language) for one, language in self._sources.items() if channel in (None, one.channel))

    def position(self, channel: Channel, name: str) -> float | None:
        """How far the newest source of that name has come on the channel's clock; None if there is none."""
        return next((source.position for source in reversed(self.sources(channel)) if source.name == name), None)

    def translates(self, channel: Channel) -> bool | None:
        """Whether a source's recognizer translates into English itself; None while there is no source."""
        sources = self.sources(channel)
        return any(source.translates for source in sources) if sources else None

    def source(self, channel: Channel, name: str) -> Source | None:
        """The newest source of that name, if one runs."""
        return next((one for one in reversed(self.sources(channel)) if one.name == name), None)

    def _retune_defaults(self) -> None:
        """The default engine became another one."""
        for channel in {source.channel for source, _ in self._running()}:
            if channel.settings.model is None:
                self._tuner.switch_engine(channel)

    def _paces(self) -> list[SourcePace]:
        """How the live sources keep pace."""
        return [
            SourcePace(source.key, source.model, source.received, source.lag, source.skipped)
            for source in self._all()
            if source.attached
        ]

    def _models_in_use(self) -> set[str]:
        running = [source for source, _ in self._running()]
        return {source.model for source in running} | {source.channel.model or "" for source in running}

    def _retold(self, channel: Channel) -> None:
        channel.retold()
        self.retold(channel)

    async def _start(
        self, channel: Channel, name: str, language: str | None, resume: str, age: float, left: ResumableSource | None
    ) -> Source:
        await self._make_room(channel)
        self._opening += 1
        try:
            tuning, stream = await self._tuner.open(channel, language)
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
                source = Source(channel, name, resume, pipeline, tuning.engine, *more)
                log.info("%s/%s: started on %s (%s)", channel.name, name, tuning.engine.name, stream.language)
            source.listener = self.listener
            self._sources[source] = language
            self._listen(source)
            channel.save_source(resume, name, source.clock)
            self._tuner.settle(source, tuning, language)
        finally:
            self._opening -= 1
        return source

    def _ended(self, source: Source) -> None:
        if self.listener is not None:
            self.listener.leave(source)
        if not self._stopping:  # else its client may come back to the service that is started next
            source.channel.forget_source(source.resume)

    async def _make_room(self, channel: Channel) -> None:
        """Room for one more source: one whose client is away gives it up. Raises `TooMany`."""
        limits = self._limits
        for most, running in ((limits.sources_per_channel, self.sources(channel)), (limits.sources, self._all())):
            if len(running) + self._opening < most:
                continue
            away = next((source for source in running if not source.attached), None)
            if away is None:
                where = "in all" if most == limits.sources else f"in {channel.name}"
                raise TooMany(f"{most} sources are running {where} already: end one first.")
            await away.finish()

    def _all(self) -> list[Source]:
        return [source for source, _ in self._running()]

    async def _free_name(self, channel: Channel, name: str) -> str:
        """The name, with a number if a source has it that still gets audio; one whose client is away makes room."""
        for source in self.sources(channel):
            if source.name == name and not source.attached:
                await source.finish()
        taken = {source.name for source in self.sources(channel) if source.resumable}
        candidates = (name, *(f"{name} {number}" for number in range(2, self._limits.sources + 2)))
        return next(candidate for candidate in candidates if candidate not in taken)

    def _kept(self, channel: Channel, resume: str | None) -> Source | None:
        for source in self.sources(channel):
            if resume is not None and source.resumable and secrets.compare_digest(source.resume, resume):
                return source
        return None

    def _drop_unused(self) -> None:
        for channel in list(self._channels.values()):
            kept = channel.finals and not (self._journal and channel.rests)
            used = kept or channel.styles or self.readers.get(channel.name) or self.sources(channel)
            if not used and channel.settings == ChannelSettings():
                del self._channels[channel.name]
