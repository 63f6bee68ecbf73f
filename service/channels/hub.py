"""All channels and sources of one service."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from dataclasses import dataclass
from typing import Any

from service.channels.channel import Channel, check_name
from service.channels.source import Source
from service.errors import BadRequest, ShuttingDown, TooMany
from service.pipeline import Pipeline
from service.settings import Settings
from service.speech.engines import Engines
from service.speech.scheduler import Scheduler

log = logging.getLogger("surtitle.hub")

_LANGUAGE = re.compile(r"auto|[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
_RESUME = re.compile(r"[\w-]{8,64}", re.ASCII)
_NAME_LENGTH = 80
_STOPPING = "The service is stopping: connect again in a moment."


@dataclass(frozen=True, slots=True)
class Opened:
    """A source for a client that just said "start"."""

    source: Source
    owner: asyncio.Future[None]
    resumed: bool


class Hub:
    """Opens sources, finds channels, ends everything at the end."""

    def __init__(self, settings: Settings, engines: Engines, scheduler: Scheduler) -> None:
        self._settings = settings
        self._limits = settings.limits
        self._engines = engines
        self._scheduler = scheduler
        self._channels: dict[str, Channel] = {}
        self._sources: list[Source] = []
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
            channel = self._channels[name] = Channel(name, self._limits)
        return channel

    async def open(self, channel_name: str, name: str, language: str | None, resume: str | None) -> Opened:
        """A new source, or the one that ``resume`` names if it is still kept.

        Raises `NoSuchChannel`, `BadRequest`, `TooMany`, `EngineError`.
        """
        channel = self.channel(channel_name)
        wanted = (language or self._settings.language).lower()
        if not _LANGUAGE.fullmatch(wanted):
            raise BadRequest(f"{wanted[:40]!r} is no language: send a code like en, de or pt-BR, or auto.")
        if resume is not None and not _RESUME.fullmatch(resume):
            raise BadRequest("This resume id is none of ours: send the one from the ready message, or none.")
        name = _clean(name)
        if (kept := self._kept(channel, resume)) is not None:
            log.info("%s/%s: resumed at %.1f s", channel.name, kept.name, kept.received)
            return Opened(kept, kept.attach(), resumed=True)
        source = await self._start(channel, name, wanted, resume or secrets.token_urlsafe(16))
        if self._stopping:
            source.end()
            raise ShuttingDown(_STOPPING)
        return Opened(source, source.attach(), resumed=False)

    def sources(self, channel: Channel) -> list[Source]:
        self._sources = [source for source in self._sources if not source.ended]
        return [source for source in self._sources if source.channel is channel]

    def snapshot(self) -> list[dict[str, Any]]:
        """All channels with their sources, for the dashboard."""
        return [self.describe(channel) for channel in self._channels.values()]

    def describe(self, channel: Channel) -> dict[str, Any]:
        return {
            "name": channel.name,
            "readers": self.readers.get(channel.name, 0),
            "captions": channel.finals,
            "sources": [source.snapshot() for source in self.sources(channel)],
        }

    def dismiss(self) -> None:
        """The service is about to stop: all publishers have to go, and no more may come."""
        self._stopping = True
        for source in self._sources:
            source.dismiss(ShuttingDown(_STOPPING))

    async def close(self, timeout: float) -> None:
        """End all sources; what they said so far becomes final if ``timeout`` seconds are enough."""
        finishing = [asyncio.create_task(source.finish()) for source in self._sources if not source.ended]
        if finishing:
            await asyncio.wait(finishing, timeout=timeout)
        for task in finishing:
            task.cancel()
        await asyncio.gather(*finishing, return_exceptions=True)
        for source in self._sources:
            await source.cancel()

    async def _start(self, channel: Channel, name: str, language: str, resume: str) -> Source:
        await self._make_room()
        self._opening += 1
        try:
            engine = await self._engines.current()
            stream = await asyncio.to_thread(engine.open, language)
            name = await self._free_name(channel, name)
            pipeline = Pipeline(stream, name, channel.new_id, channel.clock())
            source = Source(
                channel, name, resume, pipeline, self._scheduler, self._limits, engine=engine.name, step=engine.step
            )
            self._sources.append(source)
        finally:
            self._opening -= 1
        log.info("%s/%s: started on %s (%s)", channel.name, name, engine.name, stream.language)
        return source

    async def _make_room(self) -> None:
        """Room for one more source: one whose client is away gives it up. Raises `TooMany`."""
        running = [source for source in self._sources if not source.ended]
        if len(running) + self._opening < self._limits.sources:
            return
        away = next((source for source in running if not source.attached), None)
        if away is None:
            raise TooMany(f"{self._limits.sources} sources are running already: end one first.")
        await away.finish()

    async def _free_name(self, channel: Channel, name: str) -> str:
        """The name, with a number if a running source has it; one whose client is away makes room."""
        for source in self.sources(channel):
            if source.name == name and not source.attached:
                await source.finish()
        taken = {source.name for source in self.sources(channel)}
        candidates = (name, *(f"{name} {number}" for number in range(2, self._limits.sources + 2)))
        return next(candidate for candidate in candidates if candidate not in taken)

    def _kept(self, channel: Channel, resume: str | None) -> Source | None:
        for source in self.sources(channel):
            if resume is not None and source.resumable and secrets.compare_digest(source.resume, resume):
                return source
        return None

    def _drop_unused(self) -> None:
        for channel in list(self._channels.values()):
            if not (channel.captions or self.readers.get(channel.name) or self.sources(channel)):
                del self._channels[channel.name]


def _clean(name: str) -> str:
    """A source's name in one printable line."""
    name = " ".join("".join(character if character.isprintable() else " " for character in name).split())
    return name[:_NAME_LENGTH] or "source"
