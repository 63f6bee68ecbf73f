"""Hours of speech through the service, faster than they take: does anything grow, fall behind or repeat itself?"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import psutil
from rapidfuzz.distance import Levenshtein
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from benchmarks import store
from benchmarks.models import Model, build
from benchmarks.pad import SIZES
from benchmarks.runs import Broken, resident, server
from benchmarks.scores import plain, repeats
from benchmarks.systems import System
from benchmarks.talk import Talk, talk
from tests.models.whisper.flite import RATE

MINUTE = 60.0
STEP = 2.0  # seconds of audio sent at once
AHEAD = 50.0  # the most seconds that were sent and not yet recognized
SILENT = 15.0  # seconds of the wall's clock after which a step is sent in any case: the service waits 30 s for audio
STALLED = 120.0  # seconds without any caption


@dataclass
class Soak:
    """What is known so far; each list has one entry per minute of audio."""

    lag: list[float] = field(default_factory=list)  # seconds from sending a minute's last step to its last caption
    wall: list[float] = field(default_factory=list)  # when it was recognized, seconds from the beginning
    memory: list[int] = field(default_factory=list)  # bytes
    said: list[list[str]] = field(default_factory=list)
    finals: list[tuple[float, str]] = field(default_factory=list)
    skipped: float = 0.0


async def soak(system: System, hours: float, size: str = "small") -> None:
    """Push the audio and write what was seen."""
    seen = Soak()
    try:
        await push(system, build(SIZES[size]), max(1, round(hours * 60)), seen)
    except* (Broken, WebSocketException) as group:
        print(f"The soak ended early: {group.exceptions[0]}", flush=True)
    if not seen.memory:
        return
    figures = summary(seen)
    store.save("soak", {"model": size, "minutes": len(seen.memory), **figures})
    print(json.dumps({name: value for name, value in figures.items() if not isinstance(value, list)}, indent=1))


async def push(system: System, model: Model, minutes: int, seen: Soak) -> None:
    """Start the system and speak for so many minutes, faster than they take. Raises `Broken` in a group."""
    async with (
        server(system, model) as (port, process),
        connect(system.url(port, 0), proxy=None, max_size=None, ping_timeout=None) as socket,
    ):
        await socket.send('{"op":"start","format":"pcm16le","rate":16000,"channels":1,"lang":"en"}')
        await _Push(socket, process, minutes, seen).run()


class _Push:
    """Sends steps while little enough is on its way; what was captioned is recognized."""

    def __init__(self, socket: ClientConnection, process: psutil.Process, minutes: int, seen: Soak) -> None:
        self._socket, self._process, self._minutes, self._seen = socket, process, minutes, seen
        self._begun = time.monotonic()
        self._sent = 0.0
        self._recognized = 0.0
        self._progress = self._begun
        self._more = asyncio.Event()
        self._due: deque[tuple[float, float]] = deque()  # ends of minutes: the last word's end, when it was sent

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._write())

    async def _write(self) -> None:
        for minute in range(self._minutes):
            spoken = await asyncio.to_thread(talk, 10_000 + minute, MINUTE)
            self._seen.said.append([word.word for word in spoken.words])
            await self._send(spoken)
            if minute % 10 == 9:
                self._print(minute + 1)
        await self._socket.send('{"op":"end"}')

    async def _send(self, spoken: Talk) -> None:
        last = self._sent + spoken.words[-1].end
        size = round(STEP * RATE)
        for at in range(0, len(spoken.samples), size):
            block = spoken.samples[at : at + size]
            await self._room(len(block) / RATE)
            await self._socket.send(block.astype("<i2").tobytes())
            self._sent += len(block) / RATE
        self._due.append((last, time.monotonic()))

    async def _room(self, seconds: float) -> None:
        """Wait until a step fits, or has to be sent to keep the source alive."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SILENT):
                while self._sent + seconds - self._recognized > AHEAD:
                    self._more.clear()
                    await self._more.wait()
        if time.monotonic() - self._progress > STALLED:
            raise Broken(f"no caption for {STALLED:.0f} s")

    async def _read(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            if message["type"] == "error":
                raise Broken(f"the service says {message['code']}: {message['message']}")
            if message["type"] == "lag":
                self._seen.skipped = message["skipped"]
            if message["type"] == "final":
                self._seen.finals.append((message["ts"], message["text"]))
            if message["type"] in ("partial", "final"):
                self._advance(message["te"])
            if message["type"] == "end":
                self._advance(self._sent + MINUTE)
                return
        raise Broken("the service ended the source")

    def _advance(self, until: float) -> None:
        now = time.monotonic()
        if until > self._recognized:
            self._recognized, self._progress = until, now
            self._more.set()
        while self._due and self._due[0][0] <= self._recognized + 1.0:  # a caption may end before its last word does
            _, sent = self._due.popleft()
            self._seen.lag.append(now - sent)
            self._seen.wall.append(now - self._begun)
            self._seen.memory.append(resident(self._process))

    def _print(self, minutes: int) -> None:
        took = time.monotonic() - self._begun
        memory = self._seen.memory[-1] / 2**20 if self._seen.memory else 0
        lag = self._seen.lag[-1] if self._seen.lag else 0
        print(f"{minutes:4} min of audio in {took / 60:5.1f} min, {memory:5.0f} MiB, lag {lag:4.1f} s", flush=True)


def summary(seen: Soak) -> dict[str, Any]:
    """The figures to keep: memory and lag of the second and the last hour, errors by hour, repeats."""
    hour = min(60, max(1, len(seen.memory) // 3))  # a short soak is judged by its thirds
    second, last = seen.memory[hour : 2 * hour], seen.memory[-hour:]
    heard = plain(" ".join(text for _, text in seen.finals))
    said = [word for minute in seen.said[: len(seen.memory)] for word in minute]
    captions = [plain(text) for _, text in seen.finals]
    return {
        "memory_second_hour": _mean(second),
        "memory_last_hour": _mean(last),
        "memory_growth": _mean(last) / _mean(second) - 1,
        "lag_second_hour": _mean(seen.lag[hour : 2 * hour]),
        "lag_last_hour": _mean(seen.lag[-hour:]),
        "lag_longest": max(seen.lag),
        "skipped": seen.skipped,
        "speed": 60 * len(seen.wall) / seen.wall[-1],
        "words": len(said),
        "error_rate": Levenshtein.distance(said, heard) / len(said),
        "repeated_runs": repeats(heard),
        "repeated_runs_spoken": repeats(said),
        "repeated_captions": sum(len(a) > 2 and a == b for a, b in pairwise(captions)),
        "captions": len(captions),
        "lag": [round(value, 2) for value in seen.lag],
        "wall": [round(value, 1) for value in seen.wall],
        "memory": seen.memory,
    }


def _mean(values: list[float] | list[int]) -> float:
    return sum(values) / len(values) if values else float("nan")
