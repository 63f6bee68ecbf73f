"""Chained Ogg streams: recordings one after the other, as internet radio sends them, each with headers of its own."""

from __future__ import annotations

from typing import Protocol

CAPTURE_PATTERN = b"OggS"
_HEADER = 27  # bytes of a page before its table of segments, the last of which is the length of the table
_FLAGS, _BEGINS = 5, 0x02  # where a page's flags are, and the one of the first page of a stream


class Readable(Protocol):
    """The part of a file object that FFmpeg needs for a live stream."""

    def read(self, size: int) -> bytes: ...


class OggLinks:
    """Splits a chained Ogg stream into its links; anything else is a single link.

    FFmpeg fails at a link whose rate or channels differ from those of the first, so each is decoded on its own.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._data = bytearray()
        self._remaining = 0  # bytes of the current page that have not been read
        self._is_ogg: bool | None = None  # None before the first page
        self._began = False  # whether the current link has had pages with data
        self._at_link = False  # whether the next page begins another link

    def read(self, size: int) -> bytes:
        """Read up to ``size`` bytes of the current link, waiting for some; b"" at its end."""
        if self._at_link:
            return b""
        if not self._remaining and self._is_ogg is not False:
            self._read_header()
            if self._at_link:
                return b""
        if self._is_ogg is False:
            return self._take(size) if self._data else self._stream.read(size)
        size = min(size, self._remaining)
        if size and not self._data:
            self._data += self._stream.read(size)
        taken = self._take(size)
        self._remaining = self._remaining - len(taken) if taken else 0
        return taken

    def next_link(self) -> bool:
        """Continue with the next link, if there is one."""
        found, self._at_link, self._began = self._at_link, False, False
        return found

    def _read_header(self) -> None:
        """Measure the next page. Bytes that belong to no page are passed on: FFmpeg finds the next page."""
        if self._remaining:
            return
        self._fill(_HEADER)
        if self._is_ogg is None:
            self._is_ogg = self._data.startswith(CAPTURE_PATTERN)
        if not self._is_ogg:
            return
        if not self._data.startswith(CAPTURE_PATTERN) or len(self._data) < _HEADER:
            following = self._data.find(CAPTURE_PATTERN, 1)
            self._remaining = following if following > 0 else len(self._data)
            return
        if not self._data[_FLAGS] & _BEGINS:
            self._began = True
        elif self._began:
            self._at_link = True
            return
        length = _HEADER + self._data[_HEADER - 1]
        self._fill(length)
        self._remaining = length + sum(self._data[_HEADER:length])

    def _fill(self, length: int) -> None:
        while len(self._data) < length and (data := self._stream.read(length - len(self._data))):
            self._data += data

    def _take(self, size: int) -> bytes:
        taken = bytes(self._data[:size])
        del self._data[:size]
        return taken
