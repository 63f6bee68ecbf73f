"""What the OBS script reads, without OBS; `tests/obs` has the script itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import pytest_asyncio

from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from tests.support import Running, silence, until


@pytest_asyncio.fixture
async def client(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        yield client


class Feed:
    """All that one feed has said so far."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    async def until(self, true: Callable[[], Any]) -> None:
        await until(lambda: bool(true()))


@asynccontextmanager
async def reading(client: httpx.AsyncClient, path: str, **headers: str) -> AsyncIterator[Feed]:
    feed = Feed()

    async def read() -> None:
        async with client.stream("GET", path, headers=headers) as answer:
            assert answer.headers["content-type"] == "application/x-ndjson"
            async for line in answer.aiter_lines():
                feed.lines.append(json.loads(line))

    task = asyncio.create_task(read())
    await feed.until(lambda: feed.of("state"))
    yield feed
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def say(service: Running, channel: str, text: str, *, final: bool = True) -> None:
    words = tuple(Word(word, 0, 0) for word in text.split())
    service.services.hub.channel(channel).original.put(Caption(text, 1, "Host", "en", words, final=final))


async def test_a_ticket_stands_for_what_the_script_said(client: httpx.AsyncClient) -> None:
    """It carries name, rate, resume id and token, is good once, and comes again when the sound was lost."""
    path = "/api/channels/tickets/obs?rate=48000&channels=2&source=Stream&lang=en"
    headers = {"x-surtitle-resume": "my-own-id-1234", "authorization": "Bearer secret"}
    async with reading(client, path, **headers) as feed:
        ticket = feed.of("ticket")[0]["ticket"]
        assert "secret" not in ticket
        assert "my-own-id" not in ticket
        sound = silence(2).astype("<i2").tobytes() * 6  # a second of 48 kHz stereo is 96000 samples
        address = f"/api/channels/tickets/audio?ticket={ticket}"
        summary = (await client.post(address, content=sound)).json()
        assert (summary["source"], summary["resume"], summary["language"]) == ("Stream", "my-own-id-1234", "en")
        assert summary["seconds"] == pytest.approx(2.0, abs=0.01)
        again = await client.post(address, content=b"")
        assert again.status_code == 400
        assert "get a new one" in again.json()["message"]
        await feed.until(lambda: len(feed.of("ticket")) >= 2)
        other = await client.post(f"/api/channels/other/audio?ticket={feed.of('ticket')[-1]['ticket']}", content=b"")
        assert other.status_code == 400


async def test_closed_captions_overlay_and_state(service: Running, client: httpx.AsyncClient) -> None:
    async with reading(client, "/api/channels/shown/obs?captions=1&overlay=1") as feed:
        assert feed.of("state")[0]["closed_captions"] == "script"
        say(service, "shown", "It is half past nine, or so the old clock on the wall of the café says.")
        await feed.until(lambda: feed.of("screen") and "says." in feed.of("screen")[-1]["text"])
        assert [screen["text"].split("\n") for screen in feed.of("screen")] == [
            ["It is half past nine, or"],
            ["It is half past nine, or", "so the old clock on the"],
            ["so the old clock on the", "wall of the café says."],
        ]
        overlay = "It is half past nine, or so the old clock\non the wall of the café says."
        assert feed.of("overlay")[-1]["text"] == overlay
        assert feed.of("state")[-1]["caption"].endswith("says.")
        assert (await client.get("/api/channels/shown")).json()["closed_captions"]["by"] == "script"
        await feed.until(lambda: feed.of("overlay")[-1]["text"] == "")
        await feed.until(lambda: feed.of("screen")[-1]["text"] == "")


async def test_only_one_of_both_ways_is_active(service: Running, client: httpx.AsyncClient) -> None:
    """While the service sends by obs-websocket, a script gets nothing to send."""
    settings = "/api/channels/both/settings"
    async with reading(client, "/api/channels/both/obs?captions=1") as feed:
        await client.patch(settings, json={"closed_captions": {"enabled": True, "port": 1}})
        await feed.until(lambda: feed.of("state")[-1]["closed_captions"] == "service")
        say(service, "both", "not for the script")
        await asyncio.sleep(1)
        assert feed.of("screen") == []
        await client.patch(settings, json={"closed_captions": {"enabled": False}})
        await feed.until(lambda: feed.of("state")[-1]["closed_captions"] == "script")
        say(service, "both", "for the script")
        await feed.until(lambda: feed.of("screen"))
        assert feed.of("screen")[0]["text"] == "for the script"
    await until(lambda: service.services.hub.snapshot()[0]["closed_captions"]["by"] is None)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("rate=7", "rate"),
        ("rate=fast", "query is invalid"),
        ("captions_lang=ja", "translation"),
        ("delay=-1", "seconds from 0"),
        ("picture=nan", "seconds from 0"),
    ],
)
async def test_invalid_queries_are_refused(client: httpx.AsyncClient, query: str, reason: str) -> None:
    answer = await client.get(f"/api/channels/main/obs?{query}")
    assert answer.status_code == 400
    assert reason in answer.json()["message"]
