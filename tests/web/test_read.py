from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.core.settings import Limits
from surtitle.core.words import Word
from tests.support import Running, readers, running, until

Event = dict[str, Any]


@pytest_asyncio.fixture(scope="module")
async def small() -> AsyncIterator[Running]:
    async with running(Limits(readers=3, send_timeout=1.0)) as service:
        yield service


def channel(service: Running, name: str) -> Channel:
    found: Channel = service.services.hub.channel(name)
    return found


def put(place: Channel, key: str, rev: int, text: str, tentative: str = "", *, final: bool = False) -> None:
    words = tuple(Word(part, 1.0, 2.0) for part in text.split())
    rest = tuple(Word(part, 2.0, 3.0) for part in tentative.split())
    place.original.put(Caption(key, rev, "Host", "en", words, rest, final))


async def socket_events(service: Running, name: str, count: int, query: str = "") -> list[Event]:
    async with service.reader(name, query) as socket:
        return [json.loads(await asyncio.wait_for(socket.recv(), 20)) for _ in range(count)]


async def stream_events(service: Running, name: str, count: int, last: str | None = None) -> list[Event]:
    """The same by server-sent events, parsed as the standard says."""
    events: list[Event] = []
    async with asyncio.timeout(20), httpx.AsyncClient(base_url=service.url) as client:
        headers = {"Last-Event-ID": last} if last else {}
        async with client.stream("GET", f"/api/channels/{name}/captions", headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            fields: dict[str, str] = {}
            async for line in answer.aiter_lines():
                if line.startswith(":"):
                    continue
                if line:
                    key, _, value = line.partition(": ")
                    fields[key] = value
                elif fields:
                    events.append({**fields, "data": json.loads(fields["data"])})
                    fields = {}
                if len(events) == count:
                    return events
    raise AssertionError("the stream ended")


async def test_a_reader_first_gets_what_is_on_screen(service: Running) -> None:
    place = channel(service, "screen")
    put(place, "c1", 1, "Hello there.", final=True)
    put(place, "c2", 1, "How", "are you")
    expected = {
        "id": "c2",
        "rev": 1,
        "source": "Host",
        "speaker": None,
        "start": 1.0,
        "end": 3.0,
        "text": "How",
        "tentative": " are you",
        "final": False,
        "lang": "en",
    }
    for events in (await socket_events(service, "screen", 2), await stream_events(service, "screen", 2)):
        assert [event["data"]["id"] for event in events] == ["c1", "c2"]
        assert [event["event"] for event in events] == ["caption", "caption"]
        assert events[1]["data"] == expected


async def test_every_change_comes_whole(service: Running) -> None:
    place = channel(service, "changes")
    reading = asyncio.create_task(socket_events(service, "changes", 3))
    await until(lambda: service.services.hub.readers.of("changes") > 0)
    for rev, (text, tentative) in enumerate([("", "one"), ("one", "two"), ("one two", "")], start=1):
        put(place, "c1", rev, text, tentative, final=rev == 3)
        await asyncio.sleep(0.05)
    events = [event["data"] for event in await reading]
    assert [(event["text"], event["tentative"], event["final"]) for event in events] == [
        ("", "one", False),
        ("one", " two", False),
        ("one two", "", True),
    ]


async def test_resuming_leaves_no_gap_and_no_double(service: Running) -> None:
    place = channel(service, "again")
    put(place, "c1", 1, "one", final=True)
    put(place, "c2", 1, "two", final=True)
    first, second = await socket_events(service, "again", 2)
    put(place, "c3", 1, "three", final=True)
    for events in (
        await socket_events(service, "again", 2, f"?last={first['id']}"),
        await stream_events(service, "again", 2, last=first["id"]),
    ):
        assert [event["data"]["id"] for event in events] == ["c2", "c3"]
    (event,) = await socket_events(service, "again", 1, f"?last={second['id']}")
    assert event["data"]["id"] == "c3"


async def test_a_resume_id_from_before_a_restart_gets_what_is_on_screen(service: Running) -> None:
    put(channel(service, "restarted"), "c1", 1, "one", final=True)
    (event,) = await socket_events(service, "restarted", 1, "?last=deadbeef-7")
    assert event["data"]["id"] == "c1"


async def test_history_goes_on_where_it_ends(service: Running) -> None:
    place = channel(service, "history")
    put(place, "c1", 1, "one", final=True)
    put(place, "c2", 1, "two", "three")
    async with httpx.AsyncClient(base_url=service.url) as client:
        history = (await client.get("/api/channels/history/transcript.json")).json()
    assert [caption["id"] for caption in history["captions"]] == ["c1"]
    (event,) = await socket_events(service, "history", 1, f"?last={history['resume']}")
    assert event["data"]["text"] == "two"  # what is open is not in the history: it comes after it
    put(place, "c2", 2, "two three", final=True)
    (event,) = await socket_events(service, "history", 1, f"?last={history['resume']}")
    assert event["data"]["text"] == "two three"


async def test_clear_empties_screens_and_transcript(service: Running) -> None:
    place = channel(service, "cleared")
    put(place, "c1", 1, "one", final=True)
    async with httpx.AsyncClient(base_url=service.url) as client:
        (before,) = await socket_events(service, "cleared", 1)
        assert (await client.post("/api/channels/cleared/clear")).status_code == 200
        assert (await client.get("/api/channels/cleared/transcript.txt")).text == ""
    (event,) = await socket_events(service, "cleared", 1, f"?last={before['id']}")
    assert event["event"] == "clear"


async def test_one_reader_too_many(small: Running) -> None:
    async with small.reader("full"), small.reader("full"), small.reader("full"):
        async with small.reader("full") as socket:
            assert json.loads(await socket.recv())["code"] == "too_many"
            await socket.wait_closed()
            assert socket.close_code == 4429
        async with httpx.AsyncClient(base_url=small.url) as client:
            assert (await client.get("/api/channels/full/captions")).status_code == 429
    async with small.reader("full"):
        pass  # the other readers have been disconnected


async def test_a_reader_that_does_not_read_slows_nobody() -> None:
    async with running(Limits(send_timeout=5.0)) as service:  # long enough for a busy machine, short enough to wait for
        place = channel(service, "slow")
        async with service.reader("slow") as stuck, service.reader("slow") as good:
            stuck.transport.pause_reading()
            reading = asyncio.create_task(finals(good, "c2"))
            for rev in range(1, 80):  # more than the sockets' buffers hold
                put(place, "c1", rev, "", "x" * 200_000)
                await asyncio.sleep(0.02)
            put(place, "c2", 1, "done", final=True)
            assert await reading == ["c2"]
            await until(lambda: service.services.hub.readers.of("slow") == 1)
            stuck.transport.abort()


async def test_every_caption_reaches_a_hundred_readers_though_ten_do_not_read() -> None:
    ids = [f"c{number}" for number in range(1, 41)]
    async with running(Limits(send_timeout=60.0)) as service, AsyncExitStack() as stack:
        place = channel(service, "crowd")
        crowd = [await stack.enter_async_context(service.reader("crowd")) for _ in range(100)]
        for socket in crowd[:10]:
            socket.transport.pause_reading()
        reading = [asyncio.create_task(finals(socket, ids[-1])) for socket in crowd[10:]]
        for key in ids:
            for rev in (1, 2, 3):
                put(place, key, rev, "word " * 1000 * rev, final=rev == 3)
                await asyncio.sleep(0)
        assert all(seen == ids for seen in await asyncio.gather(*reading))
        for socket in crowd[:10]:  # they find the newest revision of each when they read on
            socket.transport.resume_reading()
            assert await finals(socket, ids[-1]) == ids


async def finals(socket: ClientConnection, last: str) -> list[str]:
    """The ids of the final captions that a reader gets, until one of them is ``last``."""
    seen: list[str] = []
    async with asyncio.timeout(60):
        while last not in seen:
            caption = json.loads(await socket.recv())["data"]
            if caption["final"]:
                seen.append(caption["id"])
    return seen


async def test_a_stream_of_events_is_complete_when_the_service_stops(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        running() as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as client,
        client.stream("GET", "/api/channels/main/captions") as response,
    ):
        await readers(service, "main", 1)
        service.server.should_exit = True
        async for _ in response.aiter_lines():  # raises an error if the response is cut off
            pass
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
