"""Reads a media stream in a thread, for a task that consumes its audio."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from surtitle.audio.gaps import PlacedBlock
from surtitle.core.threads import start_thread
from surtitle.ingest.media_input import READ_TIMEOUT, IngestError, OpenInput

log = logging.getLogger("surtitle.ingest")

_MAX_BLOCKS = 256  # that wait for the task: five seconds of AAC
_PUT_TIMEOUT = 300.0  # seconds for the task to take a block; longer than it ever pauses


class BlockReader:
    """One connection to a stream. Owns the thread, which ends soon after `close`.

    ``label`` names the thread, and ``missing`` is for `OpenInput`. ``live`` and ``timestamp`` are those of the
    `MediaInput`, once it is open.
    """

    def __init__(self, label: str, open_input: OpenInput, missing: float) -> None:
        self.live = False
        self.timestamp: float | None = None
        self._missing = missing
        self._open_input = open_input
        self._loop = asyncio.get_running_loop()
        self._blocks: asyncio.Queue[PlacedBlock | None] = asyncio.Queue(_MAX_BLOCKS)
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._closed = False
        self._ended = False
        self._lock = threading.Lock()
        self._closers: list[Callable[[], None]] = []
        self._reading = start_thread(label, self._read)

    async def opened(self) -> None:
        """Wait until the stream is open, for as long as that may take. Raises `IngestError`."""
        await asyncio.wait({self._opened, self._reading}, return_when=asyncio.FIRST_COMPLETED)
        if not self._opened.done():
            self._reading.result()

    async def next(self, timeout: float = READ_TIMEOUT) -> PlacedBlock | None:
        """The next block; None at the end of the stream. Raises `IngestError`, and TimeoutError."""
        if not self._ended:
            async with asyncio.timeout(timeout):
                block = await self._blocks.get()
            if block is not None:
                return block
        self._ended = True
        async with asyncio.timeout(timeout):
            await asyncio.shield(self._reading)  # raises the error that ended it
        return None

    async def close(self) -> None:
        """Stop reading. The thread ends when FFmpeg returns, within `READ_TIMEOUT`, and nobody waits for that."""
        self._closed = True
        while not self._blocks.empty():
            self._blocks.get_nowait()  # so that the thread does not wait for space
        with self._lock:
            closers, self._closers = self._closers, []
        await asyncio.to_thread(_call_all, closers)

    def _close_later(self, close: Callable[[], None]) -> None:
        with self._lock:
            if not self._closed:
                self._closers.append(close)
                return
        close()

    def _read(self) -> None:
        try:
            with self._open_input(self._close_later, self._missing) as media:
                self.live, self.timestamp = media.live, media.timestamp
                self._loop.call_soon_threadsafe(self._note_opened)
                for block in media.blocks:
                    if self._closed:
                        return
                    self._put(block)
        except IngestError:
            raise
        except Exception:
            if not self._closed:
                log.exception("reading a stream failed")
                raise IngestError("reconnecting", "Reading the stream failed: see the log for details.") from None
        finally:
            with suppress(RuntimeError, TimeoutError):
                self._put(None)

    def _note_opened(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    def _put(self, block: PlacedBlock | None) -> None:
        if not self._closed:
            asyncio.run_coroutine_threadsafe(self._blocks.put(block), self._loop).result(_PUT_TIMEOUT)


def _call_all(functions: list[Callable[[], None]]) -> None:
    for function in functions:
        with suppress(OSError):
            function()
