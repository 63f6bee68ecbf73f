"""A service that is killed at any moment loses nothing that was stored, stores in order, and doubles nothing."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import sqlite3
import statistics
import sys
import time
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from surtitle.audio import RATE, Samples
from surtitle.audio.pcm import to_pcm
from tests.support import blocks, free_port, speech

KILLS = 8
DURABLE = 1.0  # seconds within which captions are stored as a rule; no busy machine can promise it for each
BACKLOG = 60.0  # seconds that are sent again at once; a service that falls two minutes behind ends the source
SENTENCES = [
    "She has worked in the same office for eleven years.",
    "The train was late because of the heavy snow.",
    "He opened the door and walked into the room.",
    "They are going to build a new house near the river.",
]
LOST = (OSError, WebSocketException, httpx.HTTPError, TimeoutError)


class Service:
    """The command, on one port and one folder, as often as it is started."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.transcripts = folder / "transcripts"
        self._folder = folder
        self._model = model
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "surtitle", "serve", "--port", str(self.port), "--data-dir"]
        model = ["--engine", "whisper", "--model", str(self._model), "--language", "en"]
        transcripts = ["--transcripts", str(self.transcripts)]
        with (self._folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, str(self._folder), *model, *transcripts, stdout=asyncio.subprocess.DEVNULL, stderr=log
            )
        async with asyncio.timeout(60), httpx.AsyncClient() as client:
            while True:
                with suppress(httpx.HTTPError):
                    if (await client.get(f"{self.url}/healthz")).json()["engine"] == "whisper":
                        return
                await asyncio.sleep(0.05)

    async def stop(self, number: signal.Signals) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        await asyncio.wait_for(self._process.wait(), 30)


class Publisher:
    """A client that keeps all it has captured, and tells again what the service asks for."""

    def __init__(self, service: Service, name: str, samples: Samples) -> None:
        self.name = name
        self._address = f"{service.url.replace('http', 'ws')}/api/channels/talk/audio"
        self._start = {"op": "start", "rate": RATE, "source": name, "resume": f"resume-of-{name}"}
        self._samples = samples
        self._began = time.monotonic()
        self.clocks: list[float] = []

    async def run(self) -> None:
        """Until the service has taken all of it."""
        while True:
            with suppress(*LOST):
                if await self._connection():
                    return
            await asyncio.sleep(0.1)

    async def _connection(self) -> bool:
        async with connect(self._address, proxy=None) as socket, asyncio.timeout(120):
            await socket.send(json.dumps(self._start))
            ready = json.loads(await socket.recv())
            if ready["type"] != "ready":
                return False
            self.clocks.append(ready["clock"])
            position = round(ready["received"] * RATE)
            self._began = max(self._began, time.monotonic() - position / RATE - BACKLOG)
            listening = asyncio.create_task(_drain(socket))
            try:
                for block in blocks(self._samples[position:], RATE // 10):
                    position += len(block)
                    await asyncio.sleep(max(0.0, self._began + position / RATE - time.monotonic()))
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

    def __init__(self, service: Service) -> None:
        self._address = f"{service.url.replace('http', 'ws')}/api/channels/talk/captions"
        self._place = ""
        self.captions: dict[str, dict[str, Any]] = {}
        self.final_since: dict[str, tuple[int, float]] = {}
        """By id, the sequence number and the time with which each was first seen to be final since the last kill."""

    async def run(self) -> None:
        while True:
            with suppress(*LOST):
                query = f"?last={self._place}" if self._place else ""
                async with connect(self._address + query, proxy=None) as socket:
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
        self._place = event["id"]
        caption = event["data"]
        if event["event"] != "caption" or caption["rev"] <= self.captions.get(caption["id"], {"rev": 0})["rev"]:
            return
        self.captions[caption["id"]] = caption
        if caption["final"]:
            number = int(event["id"].partition("-")[2])
            self.final_since.setdefault(caption["id"], (number, time.monotonic()))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
async def test_nothing_committed_is_lost_or_doubled(tmp_path: Path, whisper_tiny: Path) -> None:
    chance = random.Random(8)
    service = Service(tmp_path, whisper_tiny)
    await service.start()
    talk = np.concatenate([speech(sentence, voice) for voice in ("rms", "slt") for sentence in SENTENCES])
    talk = np.tile(talk, 8)
    publishers = [Publisher(service, "Host", talk), Publisher(service, "Guest", np.roll(talk, 5 * RATE))]
    readers = [Reader(service) for _ in range(3)]
    speaking = [asyncio.create_task(one.run()) for one in publishers]
    reading = [asyncio.create_task(one.run()) for one in readers]
    due: dict[str, str] = {}  # what must never disappear again
    delays: list[float] = []  # at each kill, the age of the oldest final caption that was not stored
    try:
        for number in range(KILLS):
            if number % 4 == 3:  # on a busy machine some lives are too short for a caption
                await _progress(readers[0], len(due))
            await asyncio.sleep(chance.uniform(0.5, 3.0))
            await service.stop(signal.SIGKILL)
            now = time.monotonic()
            last, stored, sources = _stored(tmp_path, tmp_path / f"kill-{number}")
            for one in publishers:
                if one.name not in sources:
                    one.clocks.clear()  # killed before it was stored, the source begins again
            oldest = now
            for reader in readers:
                finals = reader.finals()
                for key, (sequence, since) in reader.final_since.items():
                    if sequence > last:
                        oldest = min(oldest, since)
                    elif key in finals:  # a later event was stored, so this one must have been before
                        assert stored.get(key) == finals[key]
                reader.final_since.clear()  # what was lost is withdrawn as soon as the reader is connected again
            due |= {key: text for key, text in readers[0].finals().items() if stored.get(key) == text}
            delays.append(now - oldest)
            await service.start()
        assert len(due) >= KILLS / 4
        assert statistics.median(delays) < DURABLE
        for task in speaking:
            task.cancel()
        await asyncio.gather(*speaking, return_exceptions=True)
        kept, srt = await _settled(service, readers)
    finally:
        for task in (*speaking, *reading):
            task.cancel()
        await asyncio.gather(*speaking, *reading, return_exceptions=True)
        await service.stop(signal.SIGKILL)
    assert due.items() <= kept.items()
    clocks = {one.name: one.clocks for one in publishers}
    assert all(len(set(told)) == 1 for told in clocks.values()), clocks  # the clock never changed
    for name in ("Host", "Guest"):
        own = sorted((one for one in readers[0].captions.values() if one["source"] == name and one["text"]), key=_start)
        for before, after in pairwise(own):
            assert after["start"] >= before["end"] - 0.05, (before, after)  # nothing is said twice
    assert srt.count(" --> ") == len(kept)
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log


async def _progress(reader: Reader, count: int) -> None:
    """Wait until more than ``count`` captions are final."""
    async with asyncio.timeout(60):
        while len(reader.finals()) <= count:
            await asyncio.sleep(0.1)


def _stored(folder: Path, copy: Path) -> tuple[int, dict[str, str], set[str]]:
    """What is on the disk: the last sequence number, the texts of captions by id, and the names of sources.

    Reads a copy, because SQLite would tidy up the original, which a service that was killed finds as it is.
    """
    copy.mkdir()
    for file in ("surtitle.db", "surtitle.db-wal"):
        if (folder / file).exists():
            shutil.copy(folder / file, copy)
    with closing(sqlite3.connect(copy / "surtitle.db")) as database:
        rows = database.execute("SELECT id, place, text FROM captions WHERE track = ''").fetchall()
        sources = {name for (name,) in database.execute("SELECT name FROM sources")}
    return max((place for _, place, _ in rows), default=0), {key: text for key, _, text in rows}, sources


def _start(caption: dict[str, Any]) -> float:
    return float(caption["start"])


async def _settled(service: Service, readers: list[Reader]) -> tuple[dict[str, str], str]:
    """The transcript by id and as SRT, once readers and files agree with it: the sources' clients are gone."""
    async with asyncio.timeout(120), httpx.AsyncClient(base_url=service.url) as client:
        while True:
            await asyncio.sleep(0.5)
            history = (await client.get("/api/channels/talk/transcript.json")).json()
            (channel,) = (await client.get("/api/channels")).json()["channels"]
            srt = (await client.get("/api/channels/talk/transcript.srt")).text
            found = {one["id"]: one["text"] for one in history["captions"]}
            files = [path.read_text("utf-8") for path in service.transcripts.glob("talk-*.srt")]
            busy = any(source["waiting"] or source["speaking"] for source in channel["sources"])
            if not busy and files == [srt] and all(reader.texts() == found for reader in readers):
                return found, srt
