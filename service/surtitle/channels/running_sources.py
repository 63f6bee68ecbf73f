"""The sources that run, in all channels."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from surtitle.channels.channel import Channel
from surtitle.channels.source import Source
from surtitle.channels.source_options import SourceOptions
from surtitle.models.lag import SourcePace


class RunningSources:
    """Holds sources until they end, oldest first, with the options that their clients requested."""

    def __init__(self) -> None:
        self._options: dict[Source, SourceOptions] = {}

    def __iter__(self) -> Iterator[Source]:
        return iter(self._running())

    def add(self, source: Source, options: SourceOptions) -> None:
        """Add a source whose client requested ``options``, or change what it requests."""
        self._options[source] = options

    def options(self, source: Source) -> SourceOptions:
        """What the client of a source requested; the defaults once the source has ended."""
        return self._options.get(source, SourceOptions())

    def of(self, channel: Channel) -> list[Source]:
        """The sources of a channel."""
        return [source for source in self._running() if source.channel is channel]

    def with_options(self, channel: Channel) -> list[tuple[Source, SourceOptions]]:
        """The sources of a channel with the options that their clients requested."""
        return [(source, self._options[source]) for source in self.of(channel)]

    def find(self, channel: Channel, name: str) -> Source | None:
        """The newest source of that name, if there is one."""
        return next((source for source in reversed(self.of(channel)) if source.name == name), None)

    def find_resumable(self, channel: Channel, resume: str | None) -> Source | None:
        """The source that this id resumes, if there is one."""
        if resume is None:
            return None
        resumable = (source for source in self.of(channel) if source.resumable)
        return next((source for source in resumable if secrets.compare_digest(source.resume, resume)), None)

    def position(self, channel: Channel, name: str) -> float | None:
        """The position of the newest source of that name, in seconds on the channel's clock; None without a source."""
        source = self.find(channel, name)
        return source.position if source else None

    def translates(self, channel: Channel) -> bool | None:
        """Whether a source's recognizer itself can translate into English; None while there is no source."""
        sources = self.of(channel)
        return any(source.translates for source in sources) if sources else None

    def models(self) -> set[str]:
        """The models of all sources, and those that their channels have or change to."""
        running = self._running()
        return {source.model for source in running} | {source.channel.model or "" for source in running}

    def paces(self) -> list[SourcePace]:
        """The lag of each source with a client, for the choice of the default model."""
        return [
            SourcePace(source.key, source.model, source.input.received, source.stats.lag, source.stats.skipped)
            for source in self._running()
            if source.lease.attached
        ]

    def _running(self) -> list[Source]:
        self._options = {source: options for source, options in self._options.items() if not source.ended}
        return list(self._options)
