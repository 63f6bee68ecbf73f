"""One media stream: its state, and its audio on the way to a source, across breaks of the stream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from surtitle.audio import Frames
from surtitle.audio.gaps import PlacedBlock
from surtitle.core.backoff import Backoff
from surtitle.core.errors import ShuttingDown, SurtitleError
from surtitle.core.wire.ingests import IngestState
from surtitle.ingest.block_reader import BlockReader
from surtitle.ingest.media_input import IngestError, OpenInput
from surtitle.ingest.stream_clock import StreamClock

log = logging.getLogger("surtitle.ingest")

_BACKOFF = (1.0, 30.0)  # seconds between attempts: the first and the maximum
_LISTEN_PAUSE = 0.1  # seconds after which a port is listened on again
_LASTING = 10.0  # seconds after which a connection counts as successful
_MAX_AHEAD_LIVE = 60.0  # seconds of a live stream that may be passed on before they are due
_MAX_AHEAD = 0.5  # the same for a file
_BURST_WINDOW = 0.5  # seconds in which less than twice as much audio comes when a burst has ended
_BURST_TIMEOUT = 4.0  # seconds after which it has ended in any case
_MAX_BURST = 120.0  # seconds of audio in it


class AudioSink(Protocol):
    """Receives the audio of a stream. Its methods raise `SurtitleError`, after which the stream is opened again."""

    async def begin(self, age: float, live: bool) -> None:
        """Audio follows, whose first sample was spoken ``age`` seconds ago. The same source continues after a break."""

    async def put(self, gap: float, frames: Frames, rate: int) -> None:
        """Pass on frames of ``rate`` Hz, after ``gap`` seconds that are missing; waits if there is too much."""

    async def pause(self) -> None:
        """The stream broke, and may return."""

    async def end(self) -> None:
        """The stream has ended: recognize the rest."""


@dataclass(frozen=True, slots=True)
class IngestStatus:
    """The state of a stream; ``message`` is a sentence for people."""

    state: IngestState
    message: str


class Ingest:
    """Reads a stream and passes its audio on while `run` runs. ``on_change`` is called when `status` has changed.

    ``listens`` is true if the stream is sent to this computer. With ``persistent`` false, `run` raises the errors of
    the sink and, if nothing was received before, an `IngestError` that will not change by itself.
    """

    def __init__(
        self,
        label: str,
        open_input: OpenInput,
        sink: AudioSink,
        *,
        listens: bool = False,
        persistent: bool = True,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._label = label
        self._open_input = open_input
        self._sink = sink
        self._listens = listens
        self._persistent = persistent
        self.on_change = on_change
        self._backoff = Backoff(*_BACKOFF)
        self._received = False
        self._was_live = False
        self._clock = StreamClock()
        self.status = self._connecting()

    async def run(self) -> None:
        """Read until the stream ends, if it is one that ends, or until cancelled."""
        now = asyncio.get_running_loop().time
        try:
            while True:
                began = now()
                try:
                    await self._read()
                    return
                except IngestError as error:
                    if not (self._persistent or self._received) and error.state in ("failed", "refused"):
                        raise
                    self._note(error.state, str(error))
                except ShuttingDown:
                    self._note("reconnecting", "The service is stopping.")
                except SurtitleError as error:
                    if not self._persistent:
                        raise
                    self._note("refused", error.message)
                if now() - began > _LASTING:
                    self._backoff.reset()
                waiting = self.status.state == "waiting"
                await asyncio.sleep(_LISTEN_PAUSE if waiting else self._backoff.next())
        finally:
            await asyncio.shield(self._sink.end())

    def _connecting(self) -> IngestStatus:
        if self._listens:
            return IngestStatus("waiting", f"Waiting for an encoder at {self._label}.")
        return IngestStatus("connecting", f"Connecting to {self._label}.")

    async def _read(self) -> None:
        """Read one connection; returns at the end of what has an end. Raises `IngestError`, `SurtitleError`."""
        now = asyncio.get_running_loop().time
        reader = BlockReader(f"ingest {self._label}", self._open_input, self._clock.missing(now()))
        begun = False
        try:
            if self._listens or not self._received:
                self._set(self._connecting())
            await reader.opened()
            if self._was_live and not reader.live:
                self._note("ended", "The stream has ended.")  # what is there now is its recording
                return
            held, age = await _take_burst(reader) if reader.live else ([], 0.0)
            if reader.live:
                age = self._clock.begin(now(), age, reader.timestamp)
            await self._sink.begin(age, reader.live)
            begun, self._was_live = True, reader.live
            await self._pass_on(reader, held)
            if not reader.live:
                self._note("ended", "The stream has ended.")
                return
            raise IngestError("reconnecting", f"{self._label} has ended: connecting again.")
        except IngestError as error:
            if begun and self._listens:
                raise IngestError("waiting", f"The encoder has left: waiting for it at {self._label}.") from error
            raise
        finally:
            await reader.close()
            if begun:
                await asyncio.shield(self._sink.pause())

    async def _pass_on(self, reader: BlockReader, held: list[PlacedBlock]) -> None:
        now = asyncio.get_running_loop().time
        began, position = now(), 0.0
        max_ahead = _MAX_AHEAD_LIVE if reader.live else _MAX_AHEAD
        waiting = iter(held)
        while (block := next(waiting, None) or await _next(reader, self._label)) is not None:
            gap, frames, rate = block
            await self._sink.put(gap, frames, rate)
            self._received = True
            self._note("receiving", f"Receiving audio from {self._label}.")
            self._clock.advance(gap + len(frames) / rate)
            position += gap + len(frames) / rate
            if (ahead := position - (now() - began) - max_ahead) > 0:
                await asyncio.sleep(ahead)

    def _note(self, state: IngestState, message: str) -> None:
        self._set(IngestStatus(state, message))

    def _set(self, status: IngestStatus) -> None:
        if status != self.status:
            if status.state != self.status.state:
                log.info("%s: %s", status.state, status.message)
            self.status = status
            self.on_change()


async def _next(reader: BlockReader, label: str) -> PlacedBlock | None:
    try:
        return await reader.next()
    except TimeoutError:
        raise IngestError("reconnecting", f"{label} sends nothing any longer.") from None


async def _take_burst(reader: BlockReader) -> tuple[list[PlacedBlock], float]:
    """What a stream sends at once when it is opened, and how many seconds old its first sample is therefore.

    A live HLS stream begins some segments before the newest, web radio with some seconds, and in other streams time has
    passed in which FFmpeg found out what is in them.
    """
    now = asyncio.get_running_loop().time
    held: list[PlacedBlock] = []
    began, length, window, at_window = now(), 0.0, now() + _BURST_WINDOW, 0.0
    while length < _MAX_BURST and now() < began + _BURST_TIMEOUT:
        try:
            block = await reader.next(max(0.01, window - now()))
        except TimeoutError:
            pass
        except IngestError:
            break  # raised again by the next read, after what is held
        else:
            if block is None:
                break
            held.append(block)
            length += block[0] + len(block[1]) / block[2]
        if now() >= window:
            if held and length - at_window < 2 * _BURST_WINDOW:
                break
            window, at_window = now() + _BURST_WINDOW, length
    return held, length
