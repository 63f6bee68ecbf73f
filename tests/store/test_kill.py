"""A service that is killed at any moment loses nothing that was stored, stores in order, and doubles nothing."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import statistics
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from surtitle.audio import RATE
from tests.persistent_clients import Publisher, Reader
from tests.service_process import ServiceProcess
from tests.support import speech

KILLS = 8
DURABLE = 1.0  # seconds within which captions are stored as a rule; no busy machine can promise it for each
SENTENCES = [
    "She has worked in the same office for eleven years.",
    "The train was late because of the heavy snow.",
    "He opened the door and walked into the room.",
    "They are going to build a new house near the river.",
]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
async def test_nothing_committed_is_lost_or_doubled(tmp_path: Path, whisper_tiny: Path) -> None:
    chance = random.Random(8)
    transcripts = tmp_path / "transcripts"
    service = ServiceProcess(tmp_path, whisper_tiny, "--transcripts", str(transcripts))
    await service.start()
    talk = np.concatenate([speech(sentence, voice) for voice in ("rms", "slt") for sentence in SENTENCES])
    talk = np.tile(talk, 8)
    publishers = [Publisher(service.url, "Host", talk), Publisher(service.url, "Guest", np.roll(talk, 5 * RATE))]
    readers = [Reader(service.url) for _ in range(3)]
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
        kept, srt = await _settled(service.url, transcripts, readers)
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
    assert "Traceback" not in service.log()


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


async def _settled(url: str, transcripts: Path, readers: list[Reader]) -> tuple[dict[str, str], str]:
    """The transcript by id and as SRT, once readers and files agree with it: the sources' clients are gone."""
    async with asyncio.timeout(120), httpx.AsyncClient(base_url=url) as client:
        while True:
            await asyncio.sleep(0.5)
            history = (await client.get("/api/channels/talk/transcript.json")).json()
            (channel,) = (await client.get("/api/channels")).json()["channels"]
            srt = (await client.get("/api/channels/talk/transcript.srt")).text
            found = {one["id"]: one["text"] for one in history["captions"]}
            busy = any(source["waiting"] or source["speaking"] for source in channel["sources"])
            if not busy and _files(transcripts) == [srt] and all(reader.texts() == found for reader in readers):
                return found, srt


def _files(transcripts: Path) -> list[str]:
    return [path.read_text("utf-8") for path in transcripts.glob("talk-*.srt")]
