"""Fakes the service to check what clients really send: a tap that records PCM, and a network that can be cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection, serve

from surtitle.audio import Samples
from tests.support import free_port


class Tap:
    """A service that recognizes nothing: it keeps the samples that it is sent, by source."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.starts: list[dict[str, Any]] = []
        self.ended: list[str] = []
        self._heard: dict[str, bytearray] = {}

    def heard(self, source: str) -> Samples:
        pcm = bytes(self._heard.get(source, b""))
        return np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2").astype(np.float32) / np.float32(32768)

    async def answer(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        if socket.request.path.startswith("/api/status"):
            await socket.send('{"engine":"tap","model":"tap","notice":"","channels":[]}')
        source = ""
        async for message in socket:
            if isinstance(message, bytes):
                self._heard[source] += message
            elif (said := json.loads(message))["op"] == "start":
                source = said["source"]
                self.starts.append(said)
                kept = self._heard.setdefault(source, bytearray())
                ready = {"type": "ready", "source": source, "engine": "tap", "language": "en", "clock": 0.0}
                await socket.send(json.dumps({**ready, "resumed": bool(kept), "received": len(kept) / 32000}))
            else:
                self.ended.append(source)
                await socket.send('{"type":"end"}')


@asynccontextmanager
async def tap() -> AsyncIterator[Tap]:
    port = free_port()
    tap = Tap(f"http://127.0.0.1:{port}")
    async with serve(tap.answer, "127.0.0.1", port):
        yield tap


@asynccontextmanager
async def network(beyond: str) -> AsyncIterator[Network]:
    """A way to the service at the address `beyond`."""
    way = Network(free_port(), int(beyond.rpartition(":")[2]))
    await way.connect()
    try:
        yield way
    finally:
        await way.cut()


class Network:
    """A way to a service that can be cut, as cables are: connections end, and new ones are refused."""

    def __init__(self, port: int, beyond: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._beyond = beyond
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._carrying):
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)
        await self._server.wait_closed()

    async def _carry(self, here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        writers = [back]
        try:
            there, on = await asyncio.open_connection("127.0.0.1", self._beyond)
            writers.append(on)
            await asyncio.gather(_pour(here, on), _pour(there, back))
        except (OSError, asyncio.CancelledError):
            pass  # cut, or nobody is there
        finally:
            self._carrying.discard(task)
            for writer in writers:
                writer.transport.abort()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()
