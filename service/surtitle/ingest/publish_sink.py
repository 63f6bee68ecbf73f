"""Publishes audio to a running service, as any client does, and continues the same source after a break."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from surtitle.audio import RATE, Frames, Samples, to_mono
from surtitle.audio.gaps import make_silence
from surtitle.audio.intake import BlockResampler
from surtitle.audio.pcm import to_pcm
from surtitle.core.backoff import Backoff
from surtitle.core.errors import SurtitleError, TooLong
from surtitle.core.settings import LOOPBACK
from surtitle.ingest.backlog import SentAudio
from surtitle.ingest.overlap import Overlap

_BLOCK = RATE // 10  # samples sent at once
_SPACE_INTERVAL = 0.1  # seconds after which the free space is checked again
_CONNECT_TIMEOUT = 10.0  # seconds
_END_TIMEOUT = 60.0  # seconds for the service to recognize the rest
_MAX_SILENCE = 60.0  # seconds of a gap that become silence: after that, a source cannot be resumed
_BACKOFF = (0.5, 5.0)  # seconds between attempts to reach the service
_PASSING = ("shutting_down", "too_long", "timeout", "too_many", "engine_failed")  # errors after which to connect again


class PublishError(SurtitleError):
    """The service refuses the audio, and will again. ``refusal`` is the code of its error."""

    def __init__(self, message: str, refusal: str) -> None:
        super().__init__(message)
        self.refusal = refusal


class PublishSink:
    """Sends audio to the channel at ``address``, a WebSocket. Owns the task that is connected to the service.

    ``options`` are those of the start message. ``on_message`` is called with what the service sends, and ``on_loss``
    with a sentence when it does not answer, "" when it does again. While the service is away, the newest half minute of
    live audio is kept for it; what is not live waits.
    """

    def __init__(
        self,
        address: str,
        options: dict[str, Any],
        on_message: Callable[[dict[str, Any]], None],
        on_loss: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._address = address
        self._options = options
        self._on_message = on_message
        self._on_loss = on_loss
        self._resume: str | None = None
        self._sent = SentAudio()
        self._resampler = BlockResampler()
        self._overlap = Overlap()
        self._began: float | None = None  # when sample 0 was spoken, on the loop's clock
        self._live = True
        self._paused = True
        self._ending = False
        self._end_sent = False
        self._changed = asyncio.Event()
        self._now = asyncio.get_running_loop().time
        self._task: asyncio.Task[None] | None = None

    async def begin(self, age: float, live: bool) -> None:
        spoken = self._now() - age
        self._live, self._paused = live, False
        self._resampler, self._overlap = BlockResampler(), Overlap()
        if self._began is None:
            self._began = spoken
        gap = spoken - self._began - self._sent.end / RATE
        if gap > _MAX_SILENCE or not self._sent.end:
            self._began += max(0.0, gap)  # a new source follows
        elif gap > 0:
            self._add(silence for silence in make_silence(round(gap * RATE), RATE))
        elif age:
            self._overlap = Overlap(-gap)
        self._changed.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="publish")

    async def put(self, gap: float, frames: Frames, rate: int) -> None:
        gap, frames, rate = self._overlap.trim((gap, frames, rate))
        self._add(self._resampler.feed(silence, rate) for silence in make_silence(round(gap * rate), rate))
        self._add([self._resampler.feed(to_mono(frames), rate)])
        if self._task is not None and self._task.done():
            self._task.result()
        while not self._live and self._sent.full:
            await asyncio.sleep(_SPACE_INTERVAL)
            if self._task is not None and self._task.done():
                self._task.result()
                return

    async def pause(self) -> None:
        """Disconnect once everything is sent: the service keeps the source for half a minute."""
        self._add([self._resampler.finish()])
        self._paused = True
        self._changed.set()

    async def end(self) -> None:
        """Wait until the service has recognized everything. Raises `PublishError`."""
        if self._task is None:
            return
        self._ending = True
        self._changed.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_END_TIMEOUT):
                    await self._task
        finally:
            self._task.cancel()

    def _add(self, blocks: Iterable[Samples]) -> None:
        for samples in blocks:
            if len(samples):
                self._sent.add(samples)
        self._changed.set()

    async def _run(self) -> None:
        backoff = Backoff(*_BACKOFF)
        while not await self._idle():
            try:
                await self._connect(backoff)
                if self._end_sent:
                    return
            except (OSError, TimeoutError, WebSocketException):
                service = self._address.partition("/api/")[0].replace("ws", "http", 1)
                self._on_loss(f"The service at {service} does not answer: trying again.")
                if self._ending:
                    return
                await asyncio.sleep(backoff.next())
            except SurtitleError as error:
                if isinstance(error, PublishError):
                    raise
                if not isinstance(error, TooLong):  # nothing is lost, and a person need not do anything
                    self._on_loss(error.message)
                await asyncio.sleep(backoff.next())

    async def _idle(self) -> bool:
        """Wait until there is something to send; true if there never will be."""
        while not self._sent.waiting:
            if self._ending and self._resume is None:
                return True
            if self._ending:
                return False
            self._changed.clear()
            await self._changed.wait()
        return False

    async def _connect(self, backoff: Backoff) -> None:
        own = urlsplit(self._address).hostname in LOOPBACK
        context = _unverified_context() if own and self._address.startswith("wss") else None
        async with (
            asyncio.timeout(_CONNECT_TIMEOUT) as opening,
            connect(self._address, proxy=None, ssl=context, open_timeout=_CONNECT_TIMEOUT) as socket,
        ):
            ready = await self._start(socket)
            opening.reschedule(None)
            self._resume = str(ready["resume"])
            if ready["resumed"]:
                self._sent.rewind(round(float(ready["received"]) * RATE))
            else:
                began = self._began or self._now()
                self._began = began + self._sent.begin_source() / RATE
            backoff.reset()
            self._on_loss("")
            sending = asyncio.create_task(self._send(socket))
            receiving = asyncio.create_task(self._receive(socket))
            try:
                await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_EXCEPTION)
                for task in (receiving, sending):
                    if task.done():
                        task.result()
            finally:
                sending.cancel()
                receiving.cancel()
                await asyncio.gather(sending, receiving, return_exceptions=True)

    async def _start(self, socket: ClientConnection) -> dict[str, Any]:
        began = self._began or self._now()
        age = max(0.0, min(3600.0, self._now() - began - self._sent.position / RATE)) if self._live else 0.0
        start = {"op": "start", "format": "pcm16le", "rate": RATE, "channels": 1, "age": round(age, 3), **self._options}
        if self._resume is not None:
            start["resume"] = self._resume
        await socket.send(msgspec.json.encode(start).decode())
        ready: dict[str, Any] = msgspec.json.decode(await socket.recv())
        self._check(ready)
        return ready

    async def _receive(self, socket: ClientConnection) -> None:
        async for data in socket:
            message: dict[str, Any] = msgspec.json.decode(data)
            self._check(message)
            self._on_message(message)
        if not (self._paused or self._ending):
            raise ConnectionError("the service closed the connection")

    async def _send(self, socket: ClientConnection) -> None:
        while True:
            while (block := self._sent.take(_BLOCK)) is not None:
                await socket.send(to_pcm(block))
            if self._ending:
                await socket.send('{"op":"end"}')
                self._end_sent = True
                return
            if self._paused:
                await socket.close()
                return
            self._changed.clear()
            await self._changed.wait()

    def _check(self, message: dict[str, Any]) -> None:
        if message["type"] != "error":
            return
        if message["code"] in _PASSING:
            raise (TooLong if message["code"] == TooLong.code else SurtitleError)(message["message"])
        raise PublishError(message["message"], message["code"])


def _unverified_context() -> ssl.SSLContext:
    """TLS without verification, for a service on this computer: its certificate is for its public name."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
