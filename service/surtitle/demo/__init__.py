"""Plays a short bundled speech sample in real time, by publishing it like any other client."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from surtitle.access import tokens
from surtitle.access.tokens import Scope
from surtitle.audio import RATE
from surtitle.audio.container import decode
from surtitle.audio.intake import resample_blocks
from surtitle.audio.pcm import to_pcm
from surtitle.core.notifier import Notifier
from surtitle.core.settings import Settings

log = logging.getLogger("surtitle.demo")

SAMPLE = Path(__file__).parent / "sample" / "speech.flac"

_TOKEN_MINUTES = 10  # validity of the demo's own token
_BLOCK = RATE // 10  # samples sent at once: 0.1 s


async def play(url: str, channel: str, token: str | None = None) -> AsyncIterator[dict[str, Any]]:
    """Publish the sample to the service at ``url``, and yield the service's messages.

    Raises OSError or `websockets.WebSocketException` if the service cannot be reached.
    """
    samples = b"".join(to_pcm(block) for block in resample_blocks(decode(str(SAMPLE))))
    address = f"{url.replace('http', 'ws', 1)}/api/channels/{channel}/audio"
    context = _unverified_context() if address.startswith("wss") else None
    async with connect(address, proxy=None, open_timeout=5, ssl=context) as socket:
        start = {"op": "start", "format": "pcm16le", "rate": RATE, "channels": 1, "lang": "en", "source": "Demo"}
        if token:
            start["token"] = token
        await socket.send(msgspec.json.encode(start).decode())
        yield msgspec.json.decode(await asyncio.wait_for(socket.recv(), 60))
        sending = asyncio.create_task(_send(socket, samples))
        try:
            async for message in socket:
                yield msgspec.json.decode(message)
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, WebSocketException):
                await sending


def _unverified_context() -> ssl.SSLContext:
    """TLS without verification: the service's certificate is for its public name, not for this address."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def _send(socket: Any, samples: bytes) -> None:
    """Send PCM samples at the pace at which they are spoken."""
    began = asyncio.get_running_loop().time()
    for at in range(0, len(samples), 2 * _BLOCK):
        await socket.send(samples[at : at + 2 * _BLOCK])
        await asyncio.sleep(max(0.0, began + (at / 2 + _BLOCK) / RATE - asyncio.get_running_loop().time()))
    await socket.send('{"op":"end"}')


class Demo:
    """The dashboard's demo button, which plays the sample once at a time."""

    def __init__(self, settings: Settings, changes: Notifier) -> None:
        """``changes`` is notified when it starts and ends."""
        self._settings = settings
        self._changes = changes
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self, channel: str) -> bool:
        """Start playing. Returns False if it is already playing."""
        if self.running:
            return False
        self._task = asyncio.create_task(self._play(channel))
        self._task.add_done_callback(lambda task: self._changes.notify())
        self._changes.notify()
        return True

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _play(self, channel: str) -> None:
        try:
            secret = self._settings.access.secret
            token = tokens.issue(secret, Scope.PUBLISH, channel, _TOKEN_MINUTES * 60).token if secret else None
            async for _ in play(self._settings.url, channel, token):
                pass
        except (OSError, TimeoutError, WebSocketException) as error:
            log.warning("cannot play the demo: %s", error)
