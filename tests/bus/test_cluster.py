"""Three services behind nginx lose no caption and repeat none while they, the bus and the database are killed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.bus.redis_server import RedisServer
from tests.bus.shipped_nginx import read_shipped_nginx
from tests.persistent_clients import Publisher, Reader
from tests.processes import run_nginx
from tests.service_process import ServiceProcess
from tests.store.postgresql import PostgreSQL
from tests.support import free_port, need, speech

SENTENCES = [
    "She has worked in the same office for eleven years.",
    "The train was late because of the heavy snow.",
    "He opened the door and walked into the room.",
    "They are going to build a new house near the river.",
]


class Service(ServiceProcess):
    """One of the services."""

    async def hosts(self) -> bool:
        """Whether it captions the channel."""
        with suppress(httpx.HTTPError):
            async with httpx.AsyncClient(base_url=self.url) as client:
                channels = (await client.get("/api/channels")).json()["channels"]
                return any(one["sources"] and "service" not in one for one in channels)
        return False


@contextmanager
def nginx(folder: Path, services: list[Service]) -> Iterator[str]:
    """The configuration that is shipped before these services, without TLS and as if clients were on their computer."""
    front = free_port()
    text = read_shipped_nginx(
        f"127.0.0.1:{front}",
        folder / "access.log",
        {f"surtitle-{number}:8000": f"127.0.0.1:{service.port}" for number, service in enumerate(services, 1)},
        {
            "captions.example": "localhost",
            "    proxy_set_header X-Forwarded-For $remote_addr;\n": "",
            "    proxy_set_header X-Forwarded-Proto $scheme;\n": "",
        },
    )
    with run_nginx(need("nginx"), folder, text):
        yield f"http://127.0.0.1:{front}"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
async def test_no_caption_is_lost_or_repeated_whatever_is_killed(
    tmp_path: Path, whisper_tiny: Path, server: PostgreSQL, bus: RedisServer
) -> None:
    chance = random.Random(8)
    database = server.database()
    options = ("--database", database, "--bus", bus.url)
    services = [Service(tmp_path / f"service-{number}", whisper_tiny, *options) for number in range(3)]
    (tmp_path / "nginx").mkdir()
    tasks: list[asyncio.Task[None]] = []
    talk = np.concatenate([speech(sentence, voice) for voice in ("rms", "slt") for sentence in SENTENCES])
    with nginx(tmp_path / "nginx", services) as url:
        try:
            await asyncio.gather(*(service.start() for service in services))
            publisher = Publisher(url, "Host", np.tile(talk, 8))
            readers = [Reader(url) for _ in range(6)]
            tasks += [asyncio.create_task(reader.run()) for reader in readers]
            tasks.append(asyncio.create_task(publisher.run()))
            for victim in ("service", "bus", "database", "updated service"):
                await _progress(readers)
                await asyncio.sleep(chance.uniform(0.0, 2.0))
                if victim == "bus":
                    bus.kill()
                    await asyncio.sleep(1.0)
                    bus.start()
                elif victim == "database":
                    server.stop()
                    await asyncio.sleep(1.0)
                    server.start()
                else:
                    host = await _find_host(services)
                    await host.stop(signal.SIGKILL if victim == "service" else signal.SIGTERM)
                    await _progress(readers)
                    await host.start()
            await _progress(readers)
            tasks[-1].cancel()
            kept = await _settled(url, readers)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(service.stop(signal.SIGKILL) for service in services))
    assert len(kept) > 6
    assert len(set(publisher.clocks)) == 1, publisher.clocks  # the clock never changed
    for reader in readers:
        spoken = sorted((one for one in reader.captions.values() if one["text"]), key=lambda one: float(one["start"]))
        for before, after in pairwise(spoken):
            assert after["start"] >= before["end"] - 0.05, (before, after)  # nothing is said twice
    assert not any("Traceback" in service.log() for service in services)


async def _progress(readers: list[Reader]) -> None:
    """Wait until every reader has got another final caption."""
    before = [len(reader.finals()) for reader in readers]
    async with asyncio.timeout(120):
        while any(len(reader.finals()) <= count for reader, count in zip(readers, before, strict=True)):
            await asyncio.sleep(0.1)


async def _find_host(services: list[Service]) -> Service:
    async with asyncio.timeout(60):
        while True:
            for service in services:
                if await service.hosts():
                    return service
            await asyncio.sleep(0.1)


async def _settled(url: str, readers: list[Reader]) -> dict[str, str]:
    """The transcript by id, once every reader agrees with it: the source's client is gone."""
    async with asyncio.timeout(120), httpx.AsyncClient(base_url=url) as client:
        while True:
            await asyncio.sleep(0.5)
            response = await client.get("/api/channels/talk/transcript.json")
            if response.status_code != 200:
                continue
            found = {one["id"]: one["text"] for one in response.json()["captions"]}
            if found and all(reader.texts() == found for reader in readers):
                return found
