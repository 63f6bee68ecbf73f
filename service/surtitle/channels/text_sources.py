"""The human captioners who write, in all channels."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator

from surtitle.channels.channel import Channel
from surtitle.channels.text_source import TextSource
from surtitle.core.errors import TooMany
from surtitle.core.metrics import Metrics
from surtitle.core.settings import Limits


class TextSources:
    """Holds the sources of captioners until they end, by channel and by the name that their program sends."""

    def __init__(self, limits: Limits, metrics: Metrics | None = None) -> None:
        self._limits = limits
        self._metrics = metrics
        self._running: dict[tuple[Channel, str], TextSource] = {}

    def __iter__(self) -> Iterator[TextSource]:
        return iter(list(self._running.values()))

    def find(self, channel: Channel, name: str) -> TextSource | None:
        """The source of that name, if it is running."""
        return self._running.get((channel, name))

    def of(self, channel: Channel) -> list[TextSource]:
        """The sources of a channel."""
        return [source for source in self._running.values() if source.channel is channel]

    def open(self, channel: Channel, name: str, language: str, taken: Collection[str]) -> TextSource:
        """A new source; readers see it with a number if ``taken`` has its name already. Raises `TooMany`."""
        limits = self._limits
        if len(self._running) >= limits.sources or len(self.of(channel)) >= limits.sources_per_channel:
            raise TooMany("Too many captioners are writing already: wait until one has stopped.")
        candidates = (name, *(f"{name} {number}" for number in range(2, limits.sources + 2)))
        shown = next((candidate for candidate in candidates if candidate not in taken), name)
        key = channel, name
        source = TextSource(channel, shown, language, limits.resume_window, lambda _: self._forget(key), self._metrics)
        self._running[key] = source
        return source

    async def finish(self) -> None:
        """End all sources; their words become final."""
        await asyncio.gather(*(source.finish() for source in list(self._running.values())))

    async def end(self, channel: Channel) -> None:
        """The same for the sources of one channel."""
        await asyncio.gather(*(source.finish() for source in self.of(channel)))

    def _forget(self, key: tuple[Channel, str]) -> None:
        if (ended := self._running.pop(key, None)) is not None:
            ended.channel.changes.notify()
