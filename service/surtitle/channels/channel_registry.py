"""The channels of one service, by name."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

from surtitle.channels.channel import Channel, check_name
from surtitle.channels.session import Journal
from surtitle.channels.settings import ChannelSettings
from surtitle.core.errors import TooMany
from surtitle.core.notifier import Notifier
from surtitle.core.settings import Limits

FIRST = "main"
"""The channel that publishers and pages use unless they name one."""


class ChannelRegistry:
    """Creates channels when they are first asked for, and forgets unused ones when there are too many.

    ``in_use`` tells whether a channel has sources or readers. ``changes`` is notified of what changes in channels.
    Nothing is stored of the channels in ``unstored``.
    """

    def __init__(
        self,
        limits: Limits,
        journal: Journal | None,
        changes: Notifier,
        in_use: Callable[[Channel], bool],
        unstored: Container[str] = (),
    ) -> None:
        self._limits = limits
        self._journal = journal
        self._changes = changes
        self._in_use = in_use
        self._unstored = unstored
        self._channels: dict[str, Channel] = {}

    def __iter__(self) -> Iterator[Channel]:
        """`FIRST`, then the others in the order in which they were created."""
        return iter(sorted(self._channels.values(), key=lambda channel: channel.name != FIRST))

    def __len__(self) -> int:
        return len(self._channels)

    def find(self, name: str) -> Channel | None:
        """The channel of that name, if it exists."""
        return self._channels.get(name)

    def get(self, name: str) -> Channel:
        """The channel of that name, created if necessary. Raises `NoSuchChannel`, `TooMany`."""
        if name not in self._channels:
            check_name(name)
            if len(self) >= self._limits.channels:
                self._forget_unused()
            if len(self) >= self._limits.channels:
                raise TooMany(f"There are already {len(self)} channels: use one of those.")
        return self.restore(name)

    def restore(self, name: str) -> Channel:
        """The channel of that name, created if necessary, whatever the limit: an earlier run of the service had it."""
        channel = self._channels.get(name)
        if channel is None:
            journal = None if name in self._unstored else self._journal
            channel = self._channels[name] = Channel(name, self._limits, journal, self._changes)
            self._changes.notify()
        return channel

    def _forget_unused(self) -> None:
        for channel in self:
            keeps_captions = channel.original.count and not (self._journal and channel.session.idle)
            used = keeps_captions or channel.styles or self._in_use(channel)
            if not used and channel.settings == ChannelSettings():
                del self._channels[channel.name]
