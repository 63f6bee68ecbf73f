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
from surtitle.core.tenants import Tenants

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
        tenants: Tenants = Tenants(),
    ) -> None:
        self._limits = limits
        self._tenants = tenants
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
            self._make_tenant_room(self._tenants.of(name))
            if len(self) >= self._limits.channels:
                self._forget_unused(list(self._channels.values()))
            if len(self) >= self._limits.channels:
                raise TooMany(f"There are already {len(self)} channels: use one of those.")

    def _make_tenant_room(self, tenant: str) -> None:
        limit = self._limits.channels_per_tenant
        if not limit or not tenant:
            return
        if len(own := self._of_tenant(tenant)) >= limit:
            self._forget_unused(own)
        if len(self._of_tenant(tenant)) >= limit:
            raise TooMany(f"{tenant} already has {limit} channels: use one of those.")

    def _of_tenant(self, tenant: str) -> list[Channel]:
        return [channel for channel in self._channels.values() if self._tenants.of(channel.name) == tenant]

    def _forget_unused(self, channels: list[Channel]) -> None:
        for channel in channels:
            keeps_captions = channel.original.count and not (self._journal and channel.session.idle)
            used = keeps_captions or channel.styles or self._in_use(channel)
            if not used and channel.settings == ChannelSettings():
                self.forget(channel.name)

    def forget(self, name: str) -> None:
        """Remove a channel that exists."""
        del self._channels[name]
        self._unlisted.discard(name)
