"""The clients of other programs are sources like all others: on the dashboard, in the metrics, and in recordings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from surtitle.audio import RATE
from surtitle.audio.pcm import to_pcm
from surtitle.core.settings import Limits
from tests.support import Running, running, silence, sources, until

Client = Callable[[str], AbstractAsyncContextManager[None]]
"""Connects below a channel's address, sends a second of audio at 16 kHz, and stays for as long as the block runs."""

SOUND = to_pcm(silence(1.0))


@asynccontextmanager
async def whisperlivekit(address: str) -> AsyncIterator[None]:
    async with connect(f"{address}/asr", proxy=None) as socket:
        await socket.recv()
        await socket.send(SOUND)
        yield


@asynccontextmanager
async def vosk(address: str) -> AsyncIterator[None]:
    async with connect(f"{address}/vosk", proxy=None) as socket:
        await socket.send(json.dumps({"config": {"sample_rate": RATE}}))
        await socket.send(SOUND)
        yield


CLIENTS: list[tuple[Client, str]] = [(whisperlivekit, "WhisperLiveKit client"), (vosk, "Vosk client")]


@pytest_asyncio.fixture(scope="module")
async def storing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Limits(sources_per_channel=1), data_dir=tmp_path_factory.mktemp("data")) as service:
        yield service


@pytest.mark.parametrize(("client", "name"), CLIENTS)
async def test_a_client_of_another_program_is_a_source(storing: Running, client: Client, name: str) -> None:
    channel = name.split(maxsplit=1)[0].lower()
    place = f"/api/channels/{channel}"
    async with httpx.AsyncClient(base_url=storing.url) as http:
        assert (await http.post(f"{place}/recording")).status_code == 200
        async with client(f"{storing.sockets}{place}"):
            await until(lambda: sources(storing, channel) == [name])
            (source,) = storing.services.hub.sources.of(storing.services.hub.channel(channel))
            await until(lambda: source.input.received >= 0.9)
            (shown,) = (await http.get(place)).json()["sources"]
            assert (shown["name"], shown["state"]) == (name, "live")
            metrics = (await http.get("/metrics")).text
            assert any(f'channel="{channel}"' in line for line in metrics.splitlines())
        await until(lambda: sources(storing, channel) == [])
        assert (await http.delete(f"{place}/recording")).status_code == 200
    files = recorded(storing)
    assert any(name in file or name.replace(" ", "-").lower() in file.lower() for file in files), files


def recorded(service: Running) -> list[str]:
    """The names of all recordings."""
    return [file.name for file in Path(service.services.settings.data_dir).rglob("*.flac")]


@pytest.mark.parametrize("path", ["asr", "vosk"])
async def test_a_person_can_name_the_source(service: Running, path: str) -> None:
    async with connect(f"{service.sockets}/api/channels/named/{path}?source=Front%20desk", proxy=None) as socket:
        await socket.send(SOUND)
        await until(lambda: sources(service, "named") == ["Front desk"])
    await until(lambda: sources(service, "named") == [])


@pytest.mark.parametrize(("client", "name"), CLIENTS)
async def test_a_client_that_goes_away_leaves_nothing(service: Running, client: Client, name: str) -> None:
    before = len(asyncio.all_tasks())
    async with client(f"{service.sockets}/api/channels/gone"):
        await until(lambda: sources(service, "gone") == [name])
    await until(lambda: sources(service, "gone") == [] and len(asyncio.all_tasks()) <= before)
