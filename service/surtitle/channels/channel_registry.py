"""The channels of one service, by name."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

from surtitle.channels.channel import Channel, check_name
from surtitle.channels.running_session import skip_numbers
from surtitle.channels.session import Journal
from surtitle.channels.settings import ChannelSettings
from surtitle.core.errors import TooMany
from surtitle.core.notifier import Notifier
from surtitle.core.settings import Limits

FIRST = "main"
"""The channel that publishers and pages use unless they name one."""


class ChannelRegistry:
    """Creates channels when they are first asked for, and forgets unused ones when there are too many.

    A channel that is only read is not listed until somebody publishes to it or configures it, because its name may be
    mistyped. It is forgotten when it no longer has readers and another one is created.

    ``in_use`` tells whether a channel has sources or readers. ``changes`` is notified of what changes in channels.
    Nothing is stored of the channels in ``unstored``. ``continue_after``: see `RunningSession`.
    """

    def __init__(
        self,
        limits: Limits,
        journal: Journal | None,
        changes: Notifier,
        in_use: Callable[[Channel], bool],
        unstored: Container[str] = (),
        continue_after: Callable[[int | None], int] = skip_numbers,
    ) -> None:
        self._limits = limits
        self._journal = journal
        self._changes = changes
        self._in_use = in_use
        self._unstored = unstored
        self._continue_after = continue_after
        self._channels: dict[str, Channel] = {}
        self._unlisted: set[str] = set()  # names of channels that are only read

    def __iter__(self) -> Iterator[Channel]:
        """The listed ones: `FIRST`, then the others in the order in which they were created."""
        listed = (channel for channel in self._channels.values() if channel.name not in self._unlisted)
        return iter(sorted(listed, key=lambda channel: channel.name != FIRST))

    def __len__(self) -> int:
        """The number of channels, including those that are not listed."""
        return len(self._channels)

    def find(self, name: str) -> Channel | None:
        """The channel of that name, if it exists."""
        return self._channels.get(name)

    def get(self, name: str) -> Channel:
        """The channel of that name, which is listed from now on, created if necessary.

        Raises `NoSuchChannel`, `TooMany`.
        """
        self._make_room(name)
        return self.restore(name)

    def get_for_reading(self, name: str) -> Channel:
        """The channel of that name, created but not listed if necessary. Raises `NoSuchChannel`, `TooMany`."""
        self._make_room(name)
        if name not in self._channels:
            if name != FIRST:
                self._unlisted.add(name)
            self._create(name)
        return self._channels[name]

    def restore(self, name: str) -> Channel:
        """The channel of that name, created if necessary, whatever the limit: an earlier run of the service had it."""
        if name not in self._channels:
            self._create(name)
        elif name in self._unlisted:
            self._unlisted.discard(name)
            self._changes.notify()
        return self._channels[name]

    def _create(self, name: str) -> None:
        journal = None if name in self._unstored else self._journal
        self._channels[name] = Channel(name, self._limits, journal, self._changes, self._continue_after)
        self._changes.notify()

    def _make_room(self, name: str) -> None:
        """Forget channels, so that the one of that name can be created. Raises `NoSuchChannel`, `TooMany`."""
        if name not in self._channels:
            check_name(name)
            for unlisted in list(self._unlisted):
                if not self._in_use(self._channels[unlisted]):
                    self.forget(unlisted)
            if len(self) >= self._limits.channels:
                self._forget_unused()
            if len(self) >= self._limits.channels:
                raise TooMany(f"There are already {len(self)} channels: use one of those.")

    def _forget_unused(self) -> None:
        for channel in list(self._channels.values()):
            keeps_captions = channel.original.count and not (self._journal and channel.session.idle)
            used = keeps_captions or channel.styles or self._in_use(channel)
            if not used and channel.settings == ChannelSettings():
                self.forget(channel.name)

    def forget(self, name: str) -> None:
        """Remove a channel that exists."""
        del self._channels[name]
        self._unlisted.discard(name)
