"""The final captions of a channel, small."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice

from service.captions.caption import Caption, packed, unpacked


class Archive:
    """Keeps the newest ``limit`` of them, in the order in which they became final, each with its place in the feed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._captions: OrderedDict[str, tuple[int, bytes]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._captions)

    def __contains__(self, name: str) -> bool:
        return name in self._captions

    def __iter__(self) -> Iterator[Caption]:
        return (unpacked(name, data) for name, (_, data) in self._captions.items())

    def put(self, caption: Caption, place: int) -> None:
        """Keep a final caption, whose event has that number in the feed."""
        self._captions[caption.id] = (place, packed(caption))
        while len(self._captions) > self._limit:
            self._captions.popitem(last=False)

    def between(self, first: int, last: int) -> list[tuple[int, Caption]]:
        """Those whose event came after place ``first``, and not after ``last``; by place."""
        found = [(place, name, data) for name, (place, data) in self._captions.items() if first < place <= last]
        return [(place, unpacked(name, data)) for place, name, data in sorted(found)]

    def get(self, name: str) -> Caption | None:
        """The caption of that id, if it is kept."""
        found = self._captions.get(name)
        return unpacked(name, found[1]) if found else None

    def newest(self, count: int) -> list[Caption]:
        """The last ``count`` of them, oldest first."""
        names = list(islice(reversed(self._captions), count))
        return [unpacked(name, self._captions[name][1]) for name in reversed(names)]

    def drop(self, name: str) -> None:
        self._captions.pop(name, None)

    def clear(self) -> None:
        self._captions.clear()
