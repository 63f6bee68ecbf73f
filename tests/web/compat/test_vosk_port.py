"""The second port for Vosk clients: any path, no token, and nothing else."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from surtitle.core.settings import Access, Settings
from surtitle.web.server import PortTaken, Server
from tests.support import Running, free_port, running


@pytest_asyncio.fixture(scope="module")
async def guarded() -> AsyncIterator[Running]:
    """A service that requires tokens of everybody."""
    async with running(vosk_port=free_port(), access=Access("s" * 40, require_token=True)) as service:
        yield service


def port(service: Running) -> int:
    return int(service.services.settings.vosk_port)


@pytest.mark.parametrize("path", ["", "/", "/vosk", "/any/where?else=1", "/api/channels/other/captions"])
async def test_a_socket_at_any_path_is_a_vosk_client(guarded: Running, path: str) -> None:
    async with connect(f"ws://127.0.0.1:{port(guarded)}{path}", proxy=None) as client:
        await client.send(bytes(1600))
        assert json.loads(await asyncio.wait_for(client.recv(), 30)) == {"partial": ""}
        hub = guarded.services.hub
        assert [source.name for source in hub.sources.of(hub.channel("main"))] == ["Vosk client"]
        await client.send('{"eof" : 1}')
        assert json.loads(await asyncio.wait_for(client.recv(), 30)) == {"text": ""}


async def test_everything_else_is_refused(guarded: Running) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port(guarded)}") as client:
        for method, path in (("GET", "/"), ("GET", "/healthz"), ("POST", "/api/channels/main/audio"), ("PUT", "/x")):
            answer = await client.request(method, path)
            assert answer.status_code == 426
            assert "Vosk" in answer.text


async def test_pages_and_foreign_host_names_are_refused(guarded: Running) -> None:
    for name, origin in (("127.0.0.1", Origin("https://evil.example")), ("evil.example", None)):
        url = f"ws://{name}:{port(guarded)}"
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, proxy=None, host="127.0.0.1", origin=origin)
        assert refused.value.response.status_code == 403


async def test_the_other_port_still_requires_tokens(guarded: Running) -> None:
    async with httpx.AsyncClient(base_url=guarded.url) as client:
        assert (await client.get("/")).status_code == 401


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        own = free_port()
        with pytest.raises(PortTaken) as refusal:
            Server(Settings(port=own, vosk_port=number))
        assert str(number) in refusal.value.message
        assert refusal.value.message.endswith("or choose another port with --vosk-port.")
    socket.create_server(("127.0.0.1", own)).close()  # the service's own port is free again
