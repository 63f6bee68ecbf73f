"""The interface of the parts that act on channels' settings."""

from __future__ import annotations

from typing import Any, Protocol

from surtitle.channels.channel import Channel


class ChannelObserver(Protocol):
    """A part of the service that does something for each channel. Called in the event loop."""

    def apply(self, channel: Channel) -> None:
        """Act on the channel's settings or styles, which have changed or were restored."""

    def describe(self, channel: Channel) -> dict[str, Any]:
        """The entries that this part adds to the channel's description."""
