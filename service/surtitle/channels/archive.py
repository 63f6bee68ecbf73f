"""The final captions of a track: the newest in memory, small; older ones in the journal, if there is one."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice

from surtitle.captions.caption import Caption, packed, unpacked
from surtitle.channels.track_journal import TrackJournal
from surtitle.core.errors import SurtitleError

log = logging.getLogger("surtitle.channel")

_AT_HAND = 1000  # captions that stay in memory although they are written down
_GONE = b""  # of a caption that was taken away, until that is written down


class Archive:
    """Knows the newest ``limit`` of them, in the order in which they became final, each with its place in the feed.

    What the journal has leaves memory when `_AT_HAND` others that it has are newer; `recall` brings it back. So without
    one, and as long as it cannot be written, everything is in memory.
    """

    def __init__(self, limit: int, pages: TrackJournal | None = None) -> None:
        self._limit = limit
        self._pages = pages
        self._captions: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
        self._unwritten: set[str] = set()
        self._left = 0  # the newest place of what has left memory

    def __contains__(self, name: str) -> bool:
        return self._captions.get(name, (0, _GONE))[1] != _GONE

    def __iter__(self) -> Iterator[Caption]:
        """Those in memory."""
        return (unpacked(name, data) for name, (_, data) in self._captions.items() if data != _GONE)

    def put(self, caption: Caption, place: int, *, written: bool = False) -> None:
        """Keep a final caption, whose event has that number in the feed; ``written``: the journal has it."""
        self._keep(caption.id, place, packed(caption), written)

    def drop(self, name: str, place: int) -> None:
        """It was taken away, by an event of that number."""
        if self._pages is None:
            self._captions.pop(name, None)
        else:
            self._keep(name, place, _GONE, written=False)

    def written(self, name: str, place: int) -> None:
        """The journal has what was put or dropped with that number."""
        kept = self._captions.get(name)
        if kept is None or kept[0] != place:
            return  # there is something newer
        self._unwritten.discard(name)
        if kept[1] == _GONE:
            del self._captions[name]
        self._trim()

    def get(self, name: str) -> Caption | None:
        """The caption of that id, if it is in memory."""
        return unpacked(name, self._captions[name][1]) if name in self else None

    def newest(self, count: int) -> list[Caption]:
        """The last ``count`` of those in memory, oldest first."""
        names = islice((name for name in reversed(self._captions) if name in self), count)
        return [unpacked(name, self._captions[name][1]) for name in names][::-1]

    async def recall(self, name: str) -> None:
        """Have the caption of that id in memory, if it is known. Raises what the journal raises."""
        if self._pages is None or not self._left or name in self._captions:
            return
        found = await self._pages.load(name)
        if found is not None and self._left and name not in self._captions:
            self.put(found[1], found[0], written=True)

    async def all(self) -> list[Caption]:
        """All of them as they are now; may have newer revisions. Raises what the journal raises."""
        at_hand = dict(self._captions)
        captions = {caption.id: caption for _, caption in await self._older(0)}
        for name, (_, data) in at_hand.items():
            if data == _GONE:
                captions.pop(name, None)
            else:
                captions[name] = unpacked(name, data)
        return list(captions.values())[-self._limit :]

    async def between(self, first: int, last: int) -> list[tuple[int, Caption]]:
        """Those whose event came after place ``first``, and not after ``last``; by place.

        Only those in memory if the journal cannot be read: what is said now goes on.
        """
        at_hand = dict(self._captions)
        try:
            older = await self._older(first)
        except SurtitleError as error:
            log.error("a reader that was away for long misses captions: %s", error)
            older = []
        found = [(place, caption) for place, caption in older if place <= last and caption.id not in at_hand]
        for name, (place, data) in at_hand.items():
            if first < place <= last and data != _GONE:
                found.append((place, unpacked(name, data)))
        return sorted(found, key=lambda one: one[0])

    def clear(self) -> None:
        self._captions.clear()
        self._unwritten.clear()
        self._left = 0

    async def _older(self, after: int) -> list[tuple[int, Caption]]:
        """What the journal has after that place; nothing if all of it is in memory."""
        if self._pages is None or after >= self._left:
            return []
        return await self._pages.read(self._limit, after)

    def _keep(self, name: str, place: int, data: bytes, written: bool) -> None:
        self._captions[name] = (place, data)
        if written:
            self._unwritten.discard(name)
        else:
            self._unwritten.add(name)
        self._trim()

    def _trim(self) -> None:
        while len(self._captions) > self._limit:
            self._leave(next(iter(self._captions)))
        while len(self._captions) - len(self._unwritten) > _AT_HAND:
            self._leave(next(name for name in self._captions if name not in self._unwritten))

    def _leave(self, name: str) -> None:
        place, _ = self._captions.pop(name)
        self._unwritten.discard(name)
        self._left = max(self._left, place)
