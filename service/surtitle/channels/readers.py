"""The number of readers of each channel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from surtitle.channels.channel import Channel


class Readers:
    """Counts the readers that are connected, by the names of channels: a channel may be replaced while it is read."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """The readers of all channels."""
        return self._counts.total()

    def of(self, channel: str) -> int:
        """The readers of the channel with that name."""
        return self._counts[channel]

    @contextmanager
    def count(self, channel: Channel) -> Iterator[None]:
        """Count one more reader for as long as the block runs."""
        self._counts[channel.name] += 1
        channel.changes.notify()
        try:
            yield
        finally:
            self._counts[channel.name] -= 1
            if not self._counts[channel.name]:
                del self._counts[channel.name]
            channel.changes.notify()
