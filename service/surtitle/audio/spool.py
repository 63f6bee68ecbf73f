"""MP4 files whose index follows the media data, as most programs write them, cannot be decoded as they arrive."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from surtitle.audio.ogg import Readable
from surtitle.core.errors import BadAudio

_MAX_BYTES = 4 << 30  # of a temporary file
_BLOCK = 1 << 16  # bytes that are read at once
_MAX_HEAD = 1 << 20  # bytes in which the index or the media data begin
_SKIPPED = (b"ftyp", b"free", b"skip", b"wide", b"uuid", b"pdin")  # boxes that may precede both
_HEADER = 8  # bytes of a box: its length, and its type


@contextmanager
def make_seekable(stream: Readable) -> Iterator[Readable]:
    """The same stream, or a temporary file with all of it if it is an MP4 whose index follows the media data.

    Raises `BadAudio` if the file is too large or the disk is full.
    """
    head = bytearray()
    while (index_first := _has_index_first(head)) is None and (data := stream.read(_BLOCK)):
        head += data
    if index_first is not False:
        yield _Prefixed(bytes(head), stream)
        return
    with tempfile.TemporaryFile(prefix="surtitle-") as file:
        try:
            data = bytes(head)
            while data:
                file.write(data)
                if file.tell() > _MAX_BYTES:
                    raise BadAudio(
                        f"An MP4 whose index is at its end may have {_MAX_BYTES >> 30} GiB: move the index to its "
                        "beginning with ffmpeg's option `-movflags +faststart`."
                    )
                data = stream.read(_BLOCK)
            file.seek(0)
        except OSError as error:
            raise BadAudio(
                f"An MP4 whose index is at its end needs a temporary file ({error.strerror}): move the index to its "
                "beginning with ffmpeg's option `-movflags +faststart`."
            ) from error
        yield file


def _has_index_first(head: bytes | bytearray) -> bool | None:
    """Whether a stream that begins with ``head`` can be decoded as it arrives, or None if ``head`` is too short."""
    position = 0
    while position + _HEADER <= len(head):
        size, kind = int.from_bytes(head[position : position + 4], "big"), bytes(head[position + 4 : position + 8])
        if position == 0 and kind != b"ftyp":
            return True  # not an MP4
        if kind == b"mdat":
            return False
        if kind not in _SKIPPED or size < _HEADER:
            return True
        position += size
        if position > _MAX_HEAD:
            return True
    return None


class _Prefixed:
    """A stream of which ``head`` has been read already."""

    def __init__(self, head: bytes, stream: Readable) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int) -> bytes:
        if not self._head:
            return self._stream.read(size)
        data, self._head = self._head[:size], self._head[size:]
        return data
