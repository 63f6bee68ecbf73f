"""Opens sources: whether there is room for one more, its name, and its parts."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from surtitle.channels.audio_tap import AudioListener
from surtitle.channels.channel import Channel
from surtitle.channels.engine_switcher import EngineSwitcher
from surtitle.channels.known_voices import KnownVoices
from surtitle.channels.running_sources import RunningSources
from surtitle.channels.session import ResumableSource
from surtitle.channels.source import Source
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import TooMany
from surtitle.core.logs import about
from surtitle.core.metrics import Metrics
from surtitle.core.settings import Limits
from surtitle.core.tenants import Tenants
from surtitle.pipeline import Pipeline
from surtitle.speakers.diarizer import Diarizer

log = logging.getLogger("surtitle.hub")


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What the client of a new source has sent.

    ``age`` is how many seconds ago its first sample was captured. ``left`` is the source of an earlier run of the
    service that it continues.
    """

    channel: Channel
    name: str
    options: SourceOptions
    resume: str
    age: float = 0.0
    left: ResumableSource | None = None


class SourceOpener:
    """Opens sources in the order of requests. ``on_end`` is called when a source has ended.

    ``audio_listener`` receives the audio of all sources.
    """

    def __init__(
        self,
        limits: Limits,
        sources: RunningSources,
        switcher: EngineSwitcher,
        diarizer: Diarizer,
        known_voices: KnownVoices,
        metrics: Metrics,
        audio_listener: AudioListener | None,
        on_end: Callable[[Source], None],
        tenants: Tenants = Tenants(),
    ) -> None:
        self._limits = limits
        self._sources = sources
        self._switcher = switcher
        self._diarizer = diarizer
        self._known_voices = known_voices
        self._metrics = metrics
        self._audio_listener = audio_listener
        self._on_end = on_end
        self._tenants = tenants
        self._opening = 0

    def check_room(self, channel: Channel) -> None:
        """Check whether one more source could start now. Raises `TooMany`."""
        for limit, where, running in self._find_full(channel):
            if all(source.lease.attached for source in running):
                raise _refusal(limit, where)

    async def open(self, request: SourceRequest) -> Source:
        """Open a source. Raises `TooMany`, `EngineError`."""
        channel, left = request.channel, request.left
        await self._make_room(channel)
        self._opening += 1
        try:
            choice, stream = await self._switcher.open(channel, request.options)
            name = await self._free_name(channel, left.name if left else request.name)
            start = channel.begin(request.age, alone=not self._sources.of(channel))
            received = left.received if left else 0.0
            if left:
                start = left.clock + received
            source: Source | None = None
            pipeline = Pipeline(
                stream,
                name,
                channel.session.new_caption_id,
                start,
                lambda: (self._sources.options(source) if source else request.options).rules(channel.settings),
                channel.speakers.of(name),
            )
            key = secrets.token_hex(3)
            with about(channel.name, key):
                source = Source(
                    channel,
                    name,
                    request.resume,
                    pipeline,
                    choice.engine,
                    self._limits,
                    before=received,
                    on_end=self._on_end,
                    key=key,
                    metrics=self._metrics,
                    audio_listener=self._audio_listener,
                    tenant=self._tenants.of(channel.name),
                )
                log.info("%s/%s: started on %s (%s)", channel.name, name, choice.engine.name, stream.language)
            if left is not None:
                source.take_over(left.waiting)
            self._sources.add(source, request.options)
            self.update_speakers(source)
            channel.session.save_source(request.resume, name, source.clock, received)
            self._switcher.check_choice(source, choice, request.options)
        finally:
            self._opening -= 1
        return source

    def update_speakers(self, source: Source) -> None:
        """Start, restart or stop the diarization of a source according to its channel's settings."""
        wanted = source.channel.settings.diarization
        stream = source.speakers.stream
        if not wanted.covers(source.name):
            source.speakers.use(None)
        elif stream is None or (stream.latency, stream.voices is not None) != (
            wanted.latency,
            self._known_voices.follows(source.channel),
        ):
            voices = self._known_voices.follow(source.channel, source.name) if self._diarizer.installed else None
            source.speakers.use(self._diarizer.open(source.position, wanted.latency, voices))

    async def _make_room(self, channel: Channel) -> None:
        """Make sure that one more source may start, by ending one whose client is away. Raises `TooMany`."""
        for limit, where, running in self._find_full(channel):
            away = next((source for source in running if not source.lease.attached), None)
            if away is None:
                raise _refusal(limit, where)
            await away.finish()

    def _find_full(self, channel: Channel) -> Iterator[tuple[int, str, list[Source]]]:
        """The limits that leave no room for one more source, what they are for, and the sources that they count."""
        limits, tenant = self._limits, self._tenants.of(channel.name)
        if len(running := self._sources.of(channel)) + self._opening >= limits.sources_per_channel:
            yield limits.sources_per_channel, f"in {channel.name}", running
        if tenant and limits.sources_per_tenant:
            running = [source for source in self._sources if self._tenants.of(source.channel.name) == tenant]
            if len(running) + self._opening >= limits.sources_per_tenant:
                yield limits.sources_per_tenant, f"in the channels of {tenant}", running
        if len(running := list(self._sources)) + self._opening >= limits.sources:
            yield limits.sources, "in all", running

    async def _free_name(self, channel: Channel, name: str) -> str:
        """The name, with a number if an active source has it; a source of that name whose client is away ends."""
        for source in self._sources.of(channel):
            if source.name == name and not source.lease.attached:
                await source.finish()
        taken = {source.name for source in self._sources.of(channel) if source.resumable}
        candidates = (name, *(f"{name} {number}" for number in range(2, self._limits.sources + 2)))
        return next(candidate for candidate in candidates if candidate not in taken)


def _refusal(limit: int, where: str) -> TooMany:
    return TooMany(f"{limit} sources are already running {where}: end one first.")
