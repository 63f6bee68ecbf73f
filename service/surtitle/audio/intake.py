"""The audio intake of one source: turns bytes as the client sends them into 16 kHz samples."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Protocol

import numpy as np

from surtitle.audio import RATES, Frames, Samples, to_mono
from surtitle.audio.container import BytePipe, decode_placed
from surtitle.audio.gaps import make_silence
from surtitle.audio.pcm import PCM_FORMATS, PcmDecoder
from surtitle.audio.resample import Resampler
from surtitle.audio.spool import make_seekable
from surtitle.core.errors import TimedOut, UnsupportedFormat
from surtitle.core.threads import start_thread

log = logging.getLogger("surtitle.audio")

CONTAINERS = {"webm": "webm", "ogg": "ogg", "auto": None}
FORMATS = (*PCM_FORMATS, *CONTAINERS)

Sink = Callable[[Samples], Awaitable[None]]
"""Accepts 16 kHz mono samples; may wait, which holds the client back."""

Skip = Callable[[float], None]
"""Continues after some seconds without audio; called in the event loop, must not block."""

Tap = Callable[[Frames, int, float], None]
"""Receives the decoded audio before resampling, its rate in Hz, and the seconds that are missing before it.

Called in the event loop, must not block.
"""

_PIPE_BYTES = 256 * 1024
_TIMEOUT_MESSAGE = "Recognition did not accept the audio in time: start again."
_MAX_SILENCE = 2.0  # seconds of a gap that become silence, in which words may continue; a longer one is skipped
_MAX_SKIPPED = 86_400.0  # seconds skipped in one stream; more cannot be true, as a source may last a day
_TIMEOUT = 120.0  # seconds that the decoding thread and the writer wait for each other


class Intake(Protocol):
    """Accepts bytes and passes samples to a sink. `write` and `finish` raise `BadAudio` and `TimedOut`."""

    async def write(self, data: bytes) -> None: ...

    async def finish(self) -> None:
        """The client has sent everything: deliver the remaining samples."""

    async def abort(self) -> None:
        """Release all resources after the client has disconnected, and deliver no further samples."""


def check_format(audio_format: str, rate: int, channels: int) -> None:
    """Raise `UnsupportedFormat` for unsupported audio; rate in Hz and channels only matter for raw samples."""
    if audio_format not in FORMATS:
        raise UnsupportedFormat(f"The format {audio_format[:40]!r} is not supported: send one of {', '.join(FORMATS)}.")
    if audio_format in PCM_FORMATS and rate not in RATES:
        raise UnsupportedFormat(f"The rate {rate} Hz is not supported: send {RATES.start} to {RATES.stop - 1} Hz.")
    if audio_format in PCM_FORMATS and channels not in (1, 2):
        raise UnsupportedFormat(f"{channels} channels are not supported: send 1 or 2.")


Report = Callable[[int], None]
"""Is told how many audio tracks there are, if several: only the first is decoded. Called in the event loop."""


def no_tap(frames: Frames, rate: int, gap: float) -> None:
    """The default tap, which ignores the audio."""


def no_report(count: int) -> None:
    """The default report, which ignores that there are several tracks."""


def open_intake(
    audio_format: str,
    rate: int,
    channels: int,
    sink: Sink,
    tap: Tap = no_tap,
    skip: Skip | None = None,
    report_tracks: Report = no_report,
) -> Intake:
    """Open the intake for a format that the client has declared. Raises `UnsupportedFormat`.

    ``skip`` is called for long gaps between the timestamps of a container; without it, they become silence.
    """
    check_format(audio_format, rate, channels)
    if audio_format in PCM_FORMATS:
        return PcmIntake(rate, channels, sink, tap, audio_format)
    return ContainerIntake(CONTAINERS[audio_format], sink, tap, skip, report_tracks)


class PcmIntake:
    """Decodes and resamples raw PCM, in the event loop: it needs no thread."""

    def __init__(self, rate: int, channels: int, sink: Sink, tap: Tap = no_tap, audio_format: str = "pcm16le") -> None:
        self._decoder = PcmDecoder(channels, audio_format)
        self._resampler = Resampler(rate)
        self._rate = rate
        self._sink = sink
        self._tap = tap

    async def write(self, data: bytes) -> None:
        frames = self._decoder.decode_frames(data)
        self._tap(frames, self._rate, 0.0)
        await self._deliver(self._resampler.feed(to_mono(frames)))

    async def finish(self) -> None:
        if self._decoder.pending:
            log.warning("the audio ended in the middle of a sample: dropped the last %d byte(s)", self._decoder.pending)
        await self._deliver(self._resampler.finish())

    async def abort(self) -> None:
        """There is nothing to release."""

    async def _deliver(self, samples: Samples) -> None:
        if samples.size:
            await self._sink(samples)


class ContainerIntake:
    """Decodes a container stream: FFmpeg reads the bytes from a pipe in its own thread."""

    def __init__(
        self,
        container_format: str | None,
        sink: Sink,
        tap: Tap = no_tap,
        skip: Skip | None = None,
        report_tracks: Report = no_report,
    ) -> None:
        self._format = container_format
        self._sink = sink
        self._tap = tap
        self._skip = skip
        self._report_tracks = report_tracks
        self._skippable = _MAX_SKIPPED  # seconds
        self._loop = asyncio.get_running_loop()
        self._delivered = 0  # samples
        self._space = asyncio.Event()  # set when there may be space in the pipe
        self._pipe = BytePipe(_PIPE_BYTES, self._signal_space)
        self._decoding = start_thread("decode", self._decode)

    async def write(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                while not self._pipe.write(data):
                    self._space.clear()
                    await self._space.wait()
        except TimeoutError as error:
            raise TimedOut(_TIMEOUT_MESSAGE) from error
        if self._decoding.done():
            self._decoding.result()  # raises the error that ended decoding; bytes after a regular end are ignored

    async def finish(self) -> None:
        self._pipe.close()
        delivered = -1
        while not self._decoding.done():
            if delivered == self._delivered:
                self._decoding.cancel()
                raise TimedOut(_TIMEOUT_MESSAGE)
            delivered = self._delivered
            await asyncio.wait({self._decoding}, timeout=_TIMEOUT)
        self._decoding.result()

    async def abort(self) -> None:
        self._pipe.close()
        self._decoding.cancel()

    def _signal_space(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._space.set)

    def _decode(self) -> None:
        try:
            with make_seekable(self._pipe) as stream:
                resampler = BlockResampler()
                for gap, frames, rate in decode_placed(stream, self._format, self._report):
                    gap = min(gap, self._skippable)
                    self._skippable -= gap
                    self._loop.call_soon_threadsafe(self._tap, frames, rate, gap)
                    if gap > _MAX_SILENCE and self._skip is not None:
                        self._deliver(resampler.finish())
                        if not self._decoding.cancelled():  # otherwise another connection may own the source
                            self._loop.call_soon_threadsafe(self._skip, gap)
                    else:
                        for silence in make_silence(round(gap * rate), rate):
                            self._deliver(resampler.feed(silence, rate))
                    self._deliver(resampler.feed(to_mono(frames), rate))
                    if self._decoding.cancelled():
                        return
                self._deliver(resampler.finish())
        except TimeoutError as error:
            raise TimedOut(_TIMEOUT_MESSAGE) from error
        finally:
            self._pipe.close()
            self._pipe.drain()
            self._signal_space()

    def _report(self, count: int) -> None:
        self._loop.call_soon_threadsafe(self._report_tracks, count)

    def _deliver(self, samples: Samples) -> None:
        """Pass samples to the sink from the decoding thread, and wait until it accepts them."""
        if samples.size and not self._decoding.cancelled():
            asyncio.run_coroutine_threadsafe(self._put(samples), self._loop).result(_TIMEOUT)
            self._delivered += len(samples)

    async def _put(self, samples: Samples) -> None:
        await self._sink(samples)


class BlockResampler:
    """Resamples blocks of any rate in Hz, even one that changes on the way, to 16 kHz."""

    def __init__(self) -> None:
        self._resampler: Resampler | None = None
        self._rate = 0

    def feed(self, samples: Samples, rate: int) -> Samples:
        """Add samples, and return the 16 kHz samples that are ready."""
        before = np.zeros(0, dtype=np.float32)
        if self._resampler is None or rate != self._rate:
            before = self.finish()
            self._resampler, self._rate = Resampler(rate), rate
        ready = self._resampler.feed(samples)
        return np.concatenate((before, ready)) if before.size else ready

    def finish(self) -> Samples:
        """The samples that are still in the filter."""
        resampler, self._resampler = self._resampler, None
        return np.zeros(0, dtype=np.float32) if resampler is None else resampler.finish()


def resample_blocks(blocks: Iterable[tuple[Samples, int]]) -> Iterator[Samples]:
    """Resample blocks of any rate in Hz, even one that changes on the way, to 16 kHz."""
    resampler = BlockResampler()
    for samples, rate in blocks:
        yield resampler.feed(samples, rate)
    if (rest := resampler.finish()).size:
        yield rest


def join_blocks(blocks: Iterable[Samples], size: int) -> Iterator[Samples]:
    """The same samples in blocks of at least ``size`` samples, except for the last."""
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
