"""Clients that continue when their service is killed, as real ones do: a publisher and a reader."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from surtitle.audio import RATE, Samples
from surtitle.audio.pcm import to_pcm
from tests.support import blocks

BACKLOG = 60.0  # seconds that are sent again at once; a service that falls two minutes behind ends the source
LOST = (OSError, WebSocketException, httpx.HTTPError, TimeoutError)


class Publisher:
    """A client that keeps all it has captured, and tells again what the service asks for."""

    def __init__(self, url: str, name: str, samples: Samples, channel: str = "talk", **options: Any) -> None:
        """``url`` is the address of a service; ``samples`` are 16 kHz; ``options`` are those of `connect`."""
        self.name = name
        self._address = f"{url.replace('http', 'ws')}/api/channels/{channel}/audio"
        self._options = options
        self._start = {"op": "start", "rate": RATE, "source": name, "resume": f"resume-of-{name}"}
        self._samples = samples
        self.began = time.monotonic()
        """The time of the first sample, on the monotonic clock."""
        self.clocks: list[float] = []

    async def run(self) -> None:
        """Until the service has taken all of it."""
        while True:
            with suppress(*LOST):
                if await self._connection():
                    return
            await asyncio.sleep(0.1)

    async def _connection(self) -> bool:
        async with connect(self._address, proxy=None, **self._options) as socket, asyncio.timeout(120):
            await socket.send(json.dumps(self._start))
            ready = json.loads(await socket.recv())
            if ready["type"] != "ready":
                return False
            self.clocks.append(ready["clock"])
            position = round(ready["received"] * RATE)
            self.began = max(self.began, time.monotonic() - position / RATE - BACKLOG)
            listening = asyncio.create_task(_drain(socket))
            try:
                for block in blocks(self._samples[position:], RATE // 10):
                    position += len(block)
                    await asyncio.sleep(max(0.0, self.began + position / RATE - time.monotonic()))
                    await socket.send(to_pcm(block))
                await socket.send('{"op":"end"}')
                return await listening
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)


async def _drain(socket: Any) -> bool:
    """Whether the service said that it was the end."""
    last = ""
    with suppress(*LOST):
        async for message in socket:
            last = json.loads(message)["type"]
    return last == "end"


class Reader:
    """Keeps what the contract says: captions by id, the highest revision wins."""

    def __init__(self, url: str, channel: str = "talk", **options: Any) -> None:
        """``url`` is the address of a service; ``options`` are those of `connect`."""
        self._options = options
        self._address = f"{url.replace('http', 'ws')}/api/channels/{channel}/captions"
        self._place = ""
        self.captions: dict[str, dict[str, Any]] = {}
        self.final_since: dict[str, tuple[int, float]] = {}
        """By id, the sequence number and the time with which each was first seen to be final since the last kill."""

    async def run(self) -> None:
        while True:
            with suppress(*LOST):
                query = f"?last={self._place}" if self._place else ""
                async with connect(self._address + query, proxy=None, **self._options) as socket:
                    async for message in socket:
                        self._take(json.loads(message))
            await asyncio.sleep(0.1)

    def finals(self) -> dict[str, str]:
        return {name: one["text"] for name, one in self.captions.items() if one["final"] and one["text"]}

    def texts(self) -> dict[str, str]:
        """The text of every caption that was not withdrawn, open ones included."""
        shown = {name: one["text"] + one["tentative"] for name, one in self.captions.items()}
        return {name: text for name, text in shown.items() if text}

    def _take(self, event: dict[str, Any]) -> None:
        assert event["event"] != "clear"
        if self._place and event["id"].partition("-")[0] != self._place.partition("-")[0]:
            self.captions.clear()  # the service was killed before it had stored its first session
        self._place = event["id"]
        caption = event["data"]
        if event["event"] != "caption" or caption["rev"] <= self.captions.get(caption["id"], {"rev": 0})["rev"]:
            return
        self.captions[caption["id"]] = caption
        if caption["final"]:
            number = int(event["id"].partition("-")[2])
            self.final_since.setdefault(caption["id"], (number, time.monotonic()))
