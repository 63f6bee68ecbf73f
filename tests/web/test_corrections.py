"""Corrections over HTTP: what readers and exports have afterwards, and what is remembered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.core.words import Word
from tests.support import Running


@pytest_asyncio.fixture
async def client(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        yield client


def put(service: Running, channel: str, key: str, text: str, *, final: bool = True, source: str = "Host") -> None:
    place: Channel = service.services.hub.channel(channel)
    words = tuple(Word(part, float(at), at + 0.8) for at, part in enumerate(text.split()))
    place.original.put(Caption(key, 1, source, "en", words, (), final))


async def finals(client: httpx.AsyncClient, channel: str) -> list[dict[str, Any]]:
    return list((await client.get(f"/api/channels/{channel}/transcript.json")).json()["captions"])


async def test_readers_and_exports_have_the_correction_at_once(service: Running, client: httpx.AsyncClient) -> None:
    put(service, "fix", "c1", "Welcome to sir title.")
    put(service, "fix", "c2", "Good evening.")
    async with service.reader("fix") as reader:
        shown = [json.loads(await asyncio.wait_for(reader.recv(), 5)) for _ in range(2)]
        answer = await client.patch("/api/channels/fix/captions/c1", json={"text": "Welcome to\n Surtitle. "})
        assert answer.json() == {"learnt": {}}
        event = json.loads(await asyncio.wait_for(reader.recv(), 5))
    assert [one["data"]["rev"] for one in shown] == [1, 1]
    assert (event["data"]["id"], event["data"]["rev"], event["data"]["text"]) == ("c1", 2, "Welcome to Surtitle.")
    assert [one["text"] for one in await finals(client, "fix")] == ["Welcome to Surtitle.", "Good evening."]
    assert (await finals(client, "fix"))[0]["words"][2] == {"w": "Surtitle.", "s": 2.0, "e": 3.8, "p": 1.0}
    assert (await client.get("/api/channels/fix")).json()["captions"] == 2


async def test_what_was_corrected_is_remembered_when_asked(service: Running, client: httpx.AsyncClient) -> None:
    put(service, "learn", "c1", "Sir title, by Ada love lace.")
    await client.patch("/api/channels/learn/settings", json={"vocabulary": {"replacements": {"Love lace": "Lace"}}})
    answer = await client.patch(
        "/api/channels/learn/captions/c1", json={"text": "Surtitle, by Ada Lovelace.", "remember": True}
    )
    assert answer.json() == {"learnt": {"Sir title": "Surtitle", "love lace": "Lovelace"}}
    settings = (await client.get("/api/channels/learn/settings")).json()
    assert settings["vocabulary"]["replacements"] == {"Sir title": "Surtitle", "love lace": "Lovelace"}


async def test_a_speaker_gets_a_name_for_one_caption_or_for_all(service: Running, client: httpx.AsyncClient) -> None:
    put(service, "who", "c1", "Hello.")
    put(service, "who", "c2", "Good evening.", source="Guest")
    put(service, "who", "c3", "How are you?")
    assert (await client.patch("/api/channels/who/captions/c3", json={"speaker": "Grace"})).status_code == 200
    async with service.reader("who") as reader:
        for _ in range(3):
            await asyncio.wait_for(reader.recv(), 5)
        await client.patch("/api/channels/who/settings", json={"names": {"Host": "Ada\n", "Guest": " ", "x": "x"}})
        told = [json.loads(await asyncio.wait_for(reader.recv(), 5))["data"]["speaker"] for _ in range(3)]
    assert told == ["Ada", None, "Grace"]
    assert (await client.get("/api/channels/who/settings")).json()["names"] == {"Host": "Ada"}
    assert [one["speaker"] for one in await finals(client, "who")] == ["Ada", None, "Grace"]
    assert (await client.get("/api/channels/who/transcript.txt")).text == (
        "Ada:\nHello.\nGuest:\nGood evening.\nGrace:\nHow are you?\n"
    )
    await client.patch("/api/channels/who/settings", json={"names": {}})
    assert [one["speaker"] for one in await finals(client, "who")] == [None, None, "Grace"]


async def test_a_caption_without_text_is_taken_away(service: Running, client: httpx.AsyncClient) -> None:
    put(service, "away", "c1", "Uh.")
    await client.patch("/api/channels/away/captions/c1", json={"text": " "})
    assert await finals(client, "away") == []
    assert (await client.patch("/api/channels/away/captions/c1", json={"text": "Uh."})).status_code == 404


@pytest.mark.parametrize(
    ("caption", "body", "status", "reason"),
    [
        ("none", '{"text":"x"}', 404, "no longer kept"),
        ("open", '{"text":"x"}', 404, "not final yet"),
        ("done", "nonsense", 400, "A correction must be JSON"),
        ("done", '{"text":7}', 400, "text"),
        ("done", '{"colour":"red"}', 400, "colour"),
        ("done", json.dumps({"text": "x" * 1001}), 413, "1000 characters"),
    ],
)
async def test_what_is_refused(
    service: Running, client: httpx.AsyncClient, caption: str, body: str, status: int, reason: str
) -> None:
    put(service, "strict", "done", "Done.")
    put(service, "strict", "open", "Not yet", final=False)
    answer = await client.patch(f"/api/channels/strict/captions/{caption}", content=body)
    assert answer.status_code == status
    assert reason in answer.json()["message"]
    assert (await finals(client, "strict"))[0]["text"] == "Done."
