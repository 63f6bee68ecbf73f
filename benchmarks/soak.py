"""Hours of speech through the service, faster than they take: does anything grow, fall behind or repeat itself?"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from benchmarks import store
from benchmarks.models import Model
from benchmarks.recordings import Recording
from benchmarks.runs import Broken, resident, server
from benchmarks.scores import repeats
from benchmarks.systems import System
from benchmarks.talk import GAP, shuffled
from benchmarks.wording import words
from surtitle.audio import RATE

HOUR = 3600.0
STEP = 2.0  # seconds of audio sent at once
AHEAD = 50.0  # the most seconds that were sent and not yet recognized
_PRINTED = 600.0  # seconds of audio from one line of progress to the next
SILENT = 15.0  # seconds of the wall's clock after which a step is sent in any case: the service waits 30 s for audio
STALLED = 120.0  # seconds without any caption


@dataclass
class Soak:
    """What is known so far; each list has one entry for each recording that was recognized."""

    at: list[float] = field(default_factory=list)  # seconds of audio up to its end
    lag: list[float] = field(default_factory=list)  # seconds from sending its last step to its last caption
    wall: list[float] = field(default_factory=list)  # when it was recognized, seconds from the beginning
    memory: list[int] = field(default_factory=list)  # bytes
    said: list[list[str]] = field(default_factory=list)
    finals: list[tuple[float, str]] = field(default_factory=list)
    skipped: float = 0.0


async def soak(system: System, model: Model, recordings: Sequence[Recording], hours: float) -> None:
    """Push the audio and write what was seen."""
    seen = Soak()
    try:
        await push(system, model, recordings, hours * HOUR, seen)
    except* (Broken, WebSocketException) as group:
        print(f"The soak ended early: {group.exceptions[0]}", flush=True)
    if not seen.memory:
        return
    figures = summary(seen, recordings[0].language)
    store.save("soak", {"system": system.title, "model": model.name, **figures}, [model], recordings)
    print(json.dumps({name: value for name, value in figures.items() if not isinstance(value, list)}, indent=1))


async def push(
    system: System, model: Model, recordings: Sequence[Recording], seconds: float, seen: Soak, seed: int = 0
) -> None:
    """Start the system and play recordings in shuffled order for ``seconds`` of audio, faster than real time.

    Raises `Broken` in a group.
    """
    language = recordings[0].language
    async with (
        server(system, model, language) as (port, process),
        connect(system.url(port, 0), proxy=None, max_size=None, ping_timeout=None) as socket,
    ):
        await socket.send('{"op":"start","format":"pcm16le","rate":16000,"channels":1}')
        await _Push(socket, process, shuffled(recordings, seed), seconds, seen).run()


class _Push:
    """Sends steps while little enough is on its way; what was captioned is recognized."""

    def __init__(
        self,
        socket: ClientConnection,
        process: psutil.Process,
        recordings: Iterator[Recording],
        seconds: float,
        seen: Soak,
    ) -> None:
        self._socket, self._process, self._recordings = socket, process, recordings
        self._seconds, self._seen = seconds, seen
        self._begun = time.monotonic()
        self._sent = 0.0
        self._recognized = 0.0
        self._progress = self._begun
        self._more = asyncio.Event()
        self._due: deque[tuple[float, float]] = deque()  # ends of recordings: the last word's end, when it was sent

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._write())

    async def _write(self) -> None:
        gap = np.zeros(round(GAP * RATE), dtype=np.int16)
        printed = 0.0
        while self._sent < self._seconds:
            recording = next(self._recordings)
            self._seen.said.append([word.word for word in recording.words])
            end = self._sent + recording.words[-1].end
            await self._send(np.concatenate((recording.samples, gap)))
            self._due.append((end, time.monotonic()))
            if self._sent >= printed + _PRINTED:
                printed = self._sent
                self._print()
        await self._socket.send('{"op":"end"}')

    async def _send(self, samples: NDArray[np.int16]) -> None:
        size = round(STEP * RATE)
        for at in range(0, len(samples), size):
            block = samples[at : at + size]
            await self._room(len(block) / RATE)
            await self._socket.send(block.astype("<i2").tobytes())
            self._sent += len(block) / RATE

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
                self._advance(self._sent + STALLED)
                return
        raise Broken("the service ended the source")

    def _advance(self, until: float) -> None:
        now = time.monotonic()
        if until > self._recognized:
            self._recognized, self._progress = until, now
            self._more.set()
        while self._due and self._due[0][0] <= self._recognized + 1.0:  # a caption may end before its last word does
            end, sent = self._due.popleft()
            self._seen.at.append(end)
            self._seen.lag.append(now - sent)
            self._seen.wall.append(now - self._begun)
            self._seen.memory.append(resident(self._process))

    def _print(self) -> None:
        took = time.monotonic() - self._begun
        memory = self._seen.memory[-1] / 2**20 if self._seen.memory else 0
        lag = self._seen.lag[-1] if self._seen.lag else 0
        print(f"{self._sent / 60:4.0f} min in {took / 60:5.1f} min, {memory:5.0f} MiB, lag {lag:4.1f} s", flush=True)


def summary(seen: Soak, language: str = "en") -> dict[str, Any]:
    """The figures to keep: memory and lag of the second and the last hour, errors, repeats."""
    hour = min(HOUR, seen.at[-1] / 3)  # a short soak is judged by its thirds
    second = [place for place, at in enumerate(seen.at) if hour < at <= 2 * hour] or [0]
    last = [place for place, at in enumerate(seen.at) if at > seen.at[-1] - hour]
    memory = [_mean([seen.memory[place] for place in places]) for places in (second, last)]
    lag = [_mean([seen.lag[place] for place in places]) for places in (second, last)]
    heard = words(" ".join(text for _, text in seen.finals), language)
    said = [word for recording in seen.said[: len(seen.at)] for word in recording]
    captions = [words(text, language) for _, text in seen.finals]
    return {
        "hours": round(seen.at[-1] / HOUR, 2),
        "memory_second_hour": memory[0],
        "memory_last_hour": memory[1],
        "memory_growth": memory[1] / memory[0] - 1,
        "lag_second_hour": lag[0],
        "lag_last_hour": lag[1],
        "lag_longest": max(seen.lag),
        "skipped": seen.skipped,
        "speed": seen.at[-1] / seen.wall[-1],
        "words": len(said),
        "error_rate": Levenshtein.distance(said, heard) / len(said),
        "repeated_runs": repeats(heard),
        "repeated_runs_spoken": repeats(said),
        "repeated_captions": sum(len(a) > 2 and a == b for a, b in pairwise(captions)),
        "captions": len(captions),
        "at": [round(value, 1) for value in seen.at],
        "lag": [round(value, 2) for value in seen.lag],
        "wall": [round(value, 1) for value in seen.wall],
        "memory": seen.memory,
    }


def _mean(values: list[float] | list[int]) -> float:
    return sum(values) / len(values) if values else float("nan")
