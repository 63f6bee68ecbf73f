from __future__ import annotations

import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Origin

from tests.support import Running, listen

PATHS = ("/", "/healthz", "/api/channels", "/overlay/main", "/api/channels/main/transcript.json")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "", "[::1"])
async def test_a_rebinding_host_gets_nothing(service: Running, host: str) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        for path in PATHS:
            answer = await client.get(path, headers={"host": host})
            assert answer.status_code in (400, 403)
            assert "main" not in answer.text


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"]
)
@pytest.mark.parametrize("path", ["/stt", "/api/channels/main/audio", "/api/channels/main/captions", "/api/status"])
async def test_a_foreign_page_cannot_use_the_sockets(service: Running, origin: str, path: str) -> None:
    async with connect(service.sockets + path, origin=Origin(origin), proxy=None) as socket:
        said = await listen(socket)
    assert (said.error, said.code) == ("forbidden", 4403)
    assert len(said.messages) == 1


async def test_a_foreign_page_cannot_post(service: Running) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        for path in ("/api/demo", "/api/channels/main/audio", "/api/channels/main/clear"):
            answer = await client.post(path, headers={"origin": "https://evil.example"})
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("origin", [None, "chrome-extension://abcdefghijklmnop", "same"])
async def test_our_own_may(service: Running, origin: str | None) -> None:
    origin = service.url if origin == "same" else origin
    async with connect(f"{service.sockets}/stt", origin=Origin(origin) if origin else None, proxy=None) as socket:
        await socket.send('{"op":"start"}')
        assert json.loads(await socket.recv())["type"] == "ready"


async def test_pages_have_a_strict_policy(service: Running) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        for path in ("/", "/overlay/main", "/view/main", "/healthz"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self';" in policy
            # OBS writes "Custom CSS" into the overlay as a style element
            assert (
                policy.count("unsafe") == ("style-src 'unsafe-inline' 'self';" in policy) == (path == "/overlay/main")
            )
            assert headers["x-content-type-options"] == "nosniff"
