"""The way in for one source: bytes as the client sends them, 16 kHz samples out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Protocol

import numpy as np

from surtitle.audio import RATES, Frames, Samples, mono
from surtitle.audio.container import BytePipe, decode_frames
from surtitle.audio.pcm import PcmDecoder
from surtitle.audio.resample import Resampler
from surtitle.core.errors import TimedOut, UnsupportedFormat
from surtitle.core.threads import start_thread

log = logging.getLogger("surtitle.audio")

CONTAINERS = {"webm": "webm", "ogg": "ogg", "auto": None}
FORMATS = ("pcm16le", *CONTAINERS)

Sink = Callable[[Samples], Awaitable[None]]
"""Takes 16 kHz mono samples; may wait, which holds the client back."""

Tap = Callable[[Frames, int], None]
"""Is shown what goes in, as it came, with its rate in Hz; called in the event loop, and does not wait."""

_PIPE_BYTES = 256 * 1024
_STUCK = "Recognition did not take the audio in time: start again."
_WAIT = 120.0  # seconds the decoding thread and its feeder wait for each other at most


class Intake(Protocol):
    """Bytes go in by ``write``; samples come out at the sink."""

    async def write(self, data: bytes) -> None: ...

    async def finish(self) -> None:
        """The client has said all: deliver what is still inside."""

    async def abort(self) -> None:
        """The client is gone: let go of everything, deliver nothing more."""


def check_format(audio_format: str, rate: int, channels: int) -> None:
    """Whether we take such audio; rate in Hz and channels matter for pcm16le only. Raises `UnsupportedFormat`."""
    if audio_format not in FORMATS:
        raise UnsupportedFormat(f"The format {audio_format[:40]!r} is not supported: send one of {', '.join(FORMATS)}.")
    if audio_format == "pcm16le" and rate not in RATES:
        raise UnsupportedFormat(f"The rate {rate} Hz is not supported: send {RATES.start} to {RATES.stop - 1} Hz.")
    if audio_format == "pcm16le" and channels not in (1, 2):
        raise UnsupportedFormat(f"{channels} channels are not supported: send 1 or 2.")


def no_tap(frames: Frames, rate: int) -> None:
    """Nobody wants to see what goes in."""


def open_intake(audio_format: str, rate: int, channels: int, sink: Sink, tap: Tap = no_tap) -> Intake:
    """The intake for a declared format. Raises `UnsupportedFormat`."""
    check_format(audio_format, rate, channels)
    if audio_format == "pcm16le":
        return PcmIntake(rate, channels, sink, tap)
    return ContainerIntake(CONTAINERS[audio_format], sink, tap)


class PcmIntake:
    """Raw PCM needs no thread: decode, resample, hand on."""

    def __init__(self, rate: int, channels: int, sink: Sink, tap: Tap = no_tap) -> None:
        self._decoder = PcmDecoder(channels)
        self._resampler = Resampler(rate)
        self._rate = rate
        self._sink = sink
        self._tap = tap

    async def write(self, data: bytes) -> None:
        frames = self._decoder.frames(data)
        self._tap(frames, self._rate)
        await self._deliver(self._resampler.feed(mono(frames)))

    async def finish(self) -> None:
        if self._decoder.torn:
            log.warning("the audio ended inside a sample: its last %d byte(s) were dropped", self._decoder.torn)
        await self._deliver(self._resampler.finish())

    async def abort(self) -> None:
        """Nothing to let go of."""

    async def _deliver(self, samples: Samples) -> None:
        if samples.size:
            await self._sink(samples)


class ContainerIntake:
    """A container stream: FFmpeg pulls bytes from a pipe in a thread of its own."""

    def __init__(self, container_format: str | None, sink: Sink, tap: Tap = no_tap) -> None:
        self._format = container_format
        self._sink = sink
        self._tap = tap
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._pipe = BytePipe(_PIPE_BYTES, self._tell_room)
        self._decoded = start_thread("decode", self._decode)

    async def write(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(_WAIT):
                while not self._pipe.write(data):
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError as error:
            raise TimedOut(_STUCK) from error
        if self._decoded.done():
            self._decoded.result()  # raises what ended it; bytes after a proper end are ignored

    async def finish(self) -> None:
        self._pipe.close()
        try:
            await asyncio.wait_for(self._decoded, _WAIT)
        except TimeoutError as error:
            raise TimedOut(_STUCK) from error

    async def abort(self) -> None:
        self._pipe.close()
        self._decoded.cancel()

    def _tell_room(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._room.set)

    def _decode(self) -> None:
        try:
            for samples in resampled(self._tapped(decode_frames(self._pipe, self._format))):
                if self._decoded.cancelled():
                    return
                if samples.size:
                    asyncio.run_coroutine_threadsafe(self._put(samples), self._loop).result(_WAIT)
        except TimeoutError as error:
            raise TimedOut(_STUCK) from error
        finally:
            self._pipe.close()
            self._pipe.drain()
            self._tell_room()

    def _tapped(self, blocks: Iterator[tuple[Frames, int]]) -> Iterator[tuple[Samples, int]]:
        for frames, rate in blocks:
            self._loop.call_soon_threadsafe(self._tap, frames, rate)
            yield mono(frames), rate

    async def _put(self, samples: Samples) -> None:
        await self._sink(samples)


def resampled(blocks: Iterator[tuple[Samples, int]]) -> Iterator[Samples]:
    """Blocks at 16 kHz, from blocks at any rate, even one that changes on the way."""
    resampler: Resampler | None = None
    current = 0
    for samples, rate in blocks:
        if resampler is None or rate != current:
            if resampler is not None:
                yield resampler.finish()
            resampler, current = Resampler(rate), rate
        yield resampler.feed(samples)
    if resampler is not None:
        yield resampler.finish()


def joined(blocks: Iterable[Samples], size: int) -> Iterator[Samples]:
    """The same samples in blocks of at least ``size``, but for the last."""
    waiting: list[Samples] = []
    length = 0
    for block in blocks:
        waiting.append(block)
        length += len(block)
        if length >= size:
            yield np.concatenate(waiting)
            waiting, length = [], 0
    if length:
        yield np.concatenate(waiting)
