"""A running channel with more captions than are kept in memory, as its clients see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.store.postgresql import PostgreSQL
from tests.support import TRANSLATION_MODEL, Running, put, running, until

CAPTIONS = 1300


async def speak(service: Running, first: int, last: int, text: str = "number {}") -> None:
    """Captions of the channel "talk", written down."""
    service.services.hub.channel("talk").begin()
    for number in range(first, last):
        put(service, "talk", f"c{number}", 1, text.format(number), start=2.0 * number, final=True)
    await service.services.journal_writer.flush()


def at_hand(service: Running) -> list[str]:
    return [one.id for one in service.services.hub.channel("talk").original.captions]


async def history(client: httpx.AsyncClient, query: str = "") -> dict[str, Any]:
    return dict((await client.get(f"/api/channels/talk/transcript.json{query}")).json())


async def texts(client: httpx.AsyncClient, query: str = "") -> list[str]:
    return [one["text"] for one in (await history(client, query))["captions"]]


async def read(service: Running, last: str, count: int) -> list[dict[str, Any]]:
    """The captions that a reader gets who comes back after the place ``last``."""
    async with service.reader("talk", f"?last={last}") as socket:
        return [json.loads(await socket.recv())["data"] for _ in range(count)]


async def test_nobody_sees_that_captions_have_left_memory(tmp_path: Path, url: str | None) -> None:
    said = [f"number {number}" for number in range(CAPTIONS)]
    async with running(data_dir=tmp_path, database=url) as service, httpx.AsyncClient(base_url=service.url) as client:
        await speak(service, 0, 1)
        first = (await history(client))["resume"]
        await speak(service, 1, CAPTIONS)
        assert len(at_hand(service)) == 1000
        assert await texts(client) == said
        assert (await client.get("/api/channels/talk/transcript.txt")).text.split() == " ".join(said).split()
        assert (await client.get("/api/channels/talk/transcript.srt")).text.count("-->") == CAPTIONS
        assert [one["text"] for one in await read(service, first, CAPTIONS - 1)] == said[1:]

        resume = (await history(client))["resume"]
        answer = await client.patch("/api/channels/talk/captions/c5", json={"text": "corrected", "speaker": "Ada"})
        assert answer.status_code == 200
        (event,) = await read(service, resume, 1)
        assert (event["id"], event["rev"], event["text"], event["speaker"]) == ("c5", 2, "corrected", "Ada")
        assert (await client.patch("/api/channels/talk/captions/c6", json={"text": ""})).status_code == 200
        said[5:7] = ["corrected"]
        assert await texts(client) == said
        names = {"names": {"Host": "Grace"}}
        assert (await client.patch("/api/channels/talk/settings", json=names)).status_code == 200
        assert [one["speaker"] for one in (await history(client))["captions"][4:7]] == ["Grace", "Ada", "Grace"]
        assert (await client.patch("/api/channels/talk/captions/c6", json={"text": "no"})).status_code == 404
        assert (await client.get("/api/channels/talk")).json()["captions"] == CAPTIONS
    async with running(data_dir=tmp_path, database=url) as service, httpx.AsyncClient(base_url=service.url) as client:
        assert len(at_hand(service)) == 1000
        assert await texts(client) == said
        assert len(await read(service, first, len(said))) == len(said)
        assert (await client.patch("/api/channels/talk/captions/c7", json={"text": "as well"})).status_code == 200
        assert (await texts(client))[6] == "as well"


async def test_an_old_caption_is_translated_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.channels.archive._MAX_STORED_IN_MEMORY", 2)
    async with (
        running(data_dir=tmp_path, translation_model=TRANSLATION_MODEL) as service,
        httpx.AsyncClient(base_url=service.url) as client,
    ):
        await client.patch("/api/channels/talk/settings", json={"translations": ["fr"]})
        track = service.services.hub.channel("talk").translation("fr")
        await speak(service, 0, 6, "The dog is in the garden.")
        await until(lambda: track.count == 6 and len(track.captions) == 2, timeout=60)
        before = await texts(client, "?lang=fr")
        sequence = track.feed.resume_id(track.feed.last)
        answer = await client.patch("/api/channels/talk/captions/c0", json={"text": "The cat is in the house."})
        assert answer.status_code == 200
        async with service.reader("talk", f"?lang=fr&last={sequence}") as socket:
            while (event := json.loads(await socket.recv()))["event"] != "caption" or not event["data"]["final"]:
                pass
        assert event["data"]["id"] == "c0"
        assert event["data"]["text"] != before[0]
        assert await texts(client, "?lang=fr") == [event["data"]["text"], *before[1:]]
        assert track.count == 6


async def test_a_server_that_is_away_hides_what_is_old_and_nothing_else(
    tmp_path: Path, server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surtitle.channels.archive._MAX_STORED_IN_MEMORY", 2)
    monkeypatch.setattr("surtitle.channels.track._MAX_EVENTS", 2)
    monkeypatch.setattr("surtitle.store.journal_writer._RETRY_DELAY", 0.1)
    url = server.database()
    async with (
        running(data_dir=tmp_path, database=url) as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as client,
    ):
        await speak(service, 0, 1)
        first = (await history(client))["resume"]
        await speak(service, 1, 6)
        server.stop()
        await speak(service, 6, 9)
        assert at_hand(service) == ["c4", "c5", "c6", "c7", "c8"]
        for answer in (
            await client.get("/api/channels/talk/transcript.json"),
            await client.get("/api/channels/talk/transcript.txt"),
            await client.patch("/api/channels/talk/captions/c1", json={"text": "corrected"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (500, "store_failed")
            assert "captions continue" in answer.json()["message"]
        assert [one["id"] for one in await read(service, first, 5)] == ["c4", "c5", "c6", "c7", "c8"]
        server.start()
        await until(lambda: len(at_hand(service)) == 2)
        assert await texts(client) == [f"number {number}" for number in range(9)]
