"""The number of readers of each channel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from surtitle.channels.channel import Channel


class Readers:
    """Counts the readers that are connected, by the names of channels: a channel may be replaced while it is read."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._in_obs: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """The readers of all channels."""
        return self._counts.total()

    def of(self, channel: str) -> int:
        """The readers of the channel with that name."""
        return self._counts[channel]

    def of_all(self, fits: Callable[[str], bool]) -> int:
        """The readers of the channels whose name ``fits``."""
        return sum(count for channel, count in self._counts.items() if fits(channel))

    def in_obs(self, channel: str) -> int:
        """The readers of the channel with that name that are browser sources in OBS."""
        return self._in_obs[channel]

    def by_channel(self) -> dict[str, tuple[int, int]]:
        """The readers of each channel, and those of them that are browser sources in OBS."""
        return {name: (count, self._in_obs[name]) for name, count in self._counts.items()}

    @contextmanager
    def count(self, channel: Channel, *, in_obs: bool = False) -> Iterator[None]:
        """Count one more reader for as long as the block runs."""
        name, counted = channel.name, [self._counts, self._in_obs] if in_obs else [self._counts]
        for counts in counted:
            counts[name] += 1
        channel.changes.notify()
        try:
            yield
        finally:
            for counts in counted:
                counts[name] -= 1
                if not counts[name]:
                    del counts[name]
            channel.changes.notify()
