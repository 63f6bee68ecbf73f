"""The final captions of a track: the newest packed in memory, older ones in the journal if there is one."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice

from surtitle.captions.caption import Caption, pack_caption, unpack_caption
from surtitle.channels.track_journal import TrackJournal
from surtitle.core.errors import SurtitleError

log = logging.getLogger("surtitle.channel")

_MAX_STORED_IN_MEMORY = 1000  # captions that stay in memory although the journal has them
_REMOVED = b""  # marks a caption that was removed, until the journal has noted that


class Archive:
    """Holds the newest ``limit`` final captions in the order in which they became final, with their sequence numbers.

    A caption that the journal has leaves memory when `_MAX_STORED_IN_MEMORY` newer ones are stored, too; `recall`
    loads it again. Without a journal, and as long as it cannot be written, all captions are in memory.
    """

    def __init__(self, limit: int, journal: TrackJournal | None = None) -> None:
        self._limit = limit
        self._journal = journal
        self._captions: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
        self._unwritten: set[str] = set()
        self._evicted_until = 0  # the newest sequence number that has left memory

    def __contains__(self, name: str) -> bool:
        return self._captions.get(name, (0, _REMOVED))[1] != _REMOVED

    def __iter__(self) -> Iterator[Caption]:
        """The captions in memory."""
        return (unpack_caption(name, data) for name, (_, data) in self._captions.items() if data != _REMOVED)

    def put(self, caption: Caption, sequence: int, *, stored: bool = False) -> None:
        """Add a final caption with its event's sequence number in the feed; ``stored``: the journal has it."""
        self._set(caption.id, sequence, pack_caption(caption), stored)

    def drop(self, name: str, sequence: int) -> None:
        """Remove a caption, by the event with that number."""
        if self._journal is None:
            self._captions.pop(name, None)
        else:
            self._set(name, sequence, _REMOVED, stored=False)

    def mark_stored(self, name: str, sequence: int) -> None:
        """Note that the journal has stored what was put or dropped with that sequence number."""
        kept = self._captions.get(name)
        if kept is None or kept[0] != sequence:
            return  # there is something newer
        self._unwritten.discard(name)
        if kept[1] == _REMOVED:
            del self._captions[name]
        self._trim()

    def get(self, name: str) -> Caption | None:
        """The caption with that id, if it is in memory."""
        return unpack_caption(name, self._captions[name][1]) if name in self else None

    def newest(self, count: int) -> list[Caption]:
        """The last ``count`` captions in memory, oldest first."""
        names = islice((name for name in reversed(self._captions) if name in self), count)
        return [unpack_caption(name, self._captions[name][1]) for name in names][::-1]

    async def recall(self, name: str) -> None:
        """Load the caption with that id into memory, if it exists. Raises the journal's errors."""
        if self._journal is None or not self._evicted_until or name in self._captions:
            return
        found = await self._journal.load(name)
        if found is not None and self._evicted_until and name not in self._captions:
            self.put(found[1], found[0], stored=True)

    async def all(self) -> list[Caption]:
        """All captions as they were at the call. Raises the journal's errors."""
        in_memory = dict(self._captions)
        captions = {caption.id: caption for _, caption in await self._load_older(0)}
        for name, (_, data) in in_memory.items():
            if data == _REMOVED:
                captions.pop(name, None)
            else:
                captions[name] = unpack_caption(name, data)
        return list(captions.values())[-self._limit :]

    async def between(self, first: int, last: int) -> list[tuple[int, Caption]]:
        """The captions with sequence numbers after ``first`` and up to ``last``, in order.

        If the journal cannot be read, only those in memory, so that readers still get new captions.
        """
        in_memory = dict(self._captions)
        try:
            older = await self._load_older(first)
        except SurtitleError as error:
            log.error("a reader that was away for a long time misses captions: %s", error)
            older = []
        found = [(sequence, caption) for sequence, caption in older if sequence <= last and caption.id not in in_memory]
        for name, (sequence, data) in in_memory.items():
            if first < sequence <= last and data != _REMOVED:
                found.append((sequence, unpack_caption(name, data)))
        return sorted(found, key=lambda one: one[0])

    def clear(self) -> None:
        self._captions.clear()
        self._unwritten.clear()
        self._evicted_until = 0

    async def _load_older(self, after: int) -> list[tuple[int, Caption]]:
        """The journal's captions after that sequence number; none if all of them are in memory."""
        if self._journal is None or after >= self._evicted_until:
            return []
        return await self._journal.read(self._limit, after)

    def _set(self, name: str, sequence: int, data: bytes, stored: bool) -> None:
        self._captions[name] = (sequence, data)
        if stored:
            self._unwritten.discard(name)
        else:
            self._unwritten.add(name)
        self._trim()

    def _trim(self) -> None:
        while len(self._captions) > self._limit:
            self._evict(next(iter(self._captions)))
        while len(self._captions) - len(self._unwritten) > _MAX_STORED_IN_MEMORY:
            self._evict(next(name for name in self._captions if name not in self._unwritten))

    def _evict(self, name: str) -> None:
        sequence, _ = self._captions.pop(name)
        self._unwritten.discard(name)
        self._evicted_until = max(self._evicted_until, sequence)
