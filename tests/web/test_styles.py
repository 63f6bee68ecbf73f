"""Styles over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.support import Running


@pytest_asyncio.fixture
async def client(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("game", '{"theme":"x"}', "theme"),
        ("game", '{"color":"url(x)"}', "color"),
        ("game", '{"font":"a;b{}"}', "font"),
        ("game", '{"size":1000}', "size"),
        ("game", "nonsense", "A style must be JSON"),
        ("<b>", "{}", "valid style name"),
    ],
)
async def test_invalid_styles_are_refused(client: httpx.AsyncClient, name: str, body: str, reason: str) -> None:
    answer = await client.put(f"/api/channels/look/styles/{name}", content=body)
    assert answer.status_code == 400
    assert reason in answer.json()["message"]
    assert (await client.get("/api/channels/look/styles")).json() == {}


async def test_styles_are_kept_by_name(client: httpx.AsyncClient) -> None:
    await client.put("/api/channels/named/styles/game", json={"theme": "neon", "size": 120})
    both = (await client.put("/api/channels/named/styles/default", json={"lines": 3})).json()
    assert both == {"game": {"theme": "neon", "size": 120}, "default": {"lines": 3}}
    assert (await client.delete("/api/channels/named/styles/game")).json() == {"default": {"lines": 3}}
    for number in range(49):
        await client.put(f"/api/channels/named/styles/s{number}", json={})
    refused = await client.put("/api/channels/named/styles/more", json={})
    assert refused.status_code == 429
    assert "50 styles" in refused.json()["message"]
