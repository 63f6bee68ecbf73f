"""Whatever a client does wrong, it gets its answer from the contract, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from surtitle.audio import RATE
from surtitle.audio.pcm import to_pcm
from surtitle.core.settings import Limits
from tests.support import (
    PublisherReplies,
    Running,
    blocks,
    error_rate,
    listen,
    publish,
    running,
    silence,
    speech,
    until,
)

HASTY = Limits(ahead=5.0, start_timeout=1.0, idle_timeout=1.5, resume_window=2.0, detached_flush=0.3)


@pytest_asyncio.fixture(scope="module")
async def hasty() -> AsyncIterator[Running]:
    """A service that waits for nobody long."""
    async with running(HASTY) as service:
        yield service


def start(**changes: Any) -> str:
    return json.dumps({"op": "start", "format": "pcm16le", "rate": RATE, "channels": 1, "source": "test", **changes})


async def say(service: Running, *messages: str | bytes, channel: str = "main") -> PublisherReplies:
    """Send these and wait for the service to close."""
    async with service.publisher(channel) as socket:
        with suppress(ConnectionClosed):  # the answer may come before all is said
            for message in messages:
                await socket.send(message)
        return await listen(socket, timeout=20)


@pytest.mark.parametrize(
    ("messages", "code", "close"),
    [
        pytest.param(["{not json"], "bad_request", 4400, id="malformed JSON"),
        pytest.param(["[1, 2]"], "bad_request", 4400, id="JSON that is no object"),
        pytest.param(["[" * 100_000], "bad_request", 4400, id="deep JSON"),
        pytest.param(['{"op":"dance"}'], "bad_request", 4400, id="unknown op"),
        pytest.param(['{"op":"end"}'], "bad_order", 4400, id="end before start"),
        pytest.param([b"\0\0"], "bad_order", 4400, id="audio before start"),
        pytest.param([start(), start()], "bad_order", 4400, id="two starts"),
        pytest.param([start(), "hello"], "bad_request", 4400, id="text where audio belongs"),
        pytest.param([start(format="mp5")], "unsupported_format", 4400, id="unknown format"),
        pytest.param([start(rate=0)], "unsupported_format", 4400, id="rate 0"),
        pytest.param([start(rate=-16000)], "unsupported_format", 4400, id="negative rate"),
        pytest.param([start(rate=10**12)], "unsupported_format", 4400, id="absurd rate"),
        pytest.param([start(rate="fast")], "bad_request", 4400, id="rate that is not a number"),
        pytest.param([start(rate=1e400)], "bad_request", 4400, id="infinite rate"),
        pytest.param([start(channels=7)], "unsupported_format", 4400, id="seven channels"),
        pytest.param([start(lang="../etc")], "bad_request", 4400, id="no language"),
        pytest.param([start(resume="x")], "bad_request", 4400, id="no resume id"),
        pytest.param([start(format="webm"), b"garbage" * 20_000, '{"op":"end"}'], "bad_audio", 4400, id="garbage"),
        pytest.param([start(), bytes(10_000_000)], "too_large", 4413, id="a frame of 10 MB"),
        pytest.param([start(source="x" * 2_000_000)], "too_large", 4413, id="a start of 2 MB"),
    ],
)
async def test_bad_input_gets_an_error(
    service: Running, messages: list[str | bytes], code: str, close: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "surtitle"):
        said = await say(service, *messages)
    assert (said.error, said.code) == (code, close)
    refusals = [record for record in caplog.records if "refused" in record.getMessage()]
    assert len(refusals) == 1
    assert "\n" not in refusals[0].getMessage()
    assert refusals[0].exc_info is None


@pytest.mark.parametrize("channel", ["a/b", "a%2Fb", "x" * 300, ".hidden", "a%20b", "a%00b"])
async def test_names_that_no_channel_can_have(service: Running, channel: str) -> None:
    said = await say(service, start(), channel=channel)
    assert (said.error, said.code) == ("no_such_channel", 4404)
    async with httpx.AsyncClient(base_url=service.url) as client:
        for answer in (
            await client.post(f"/api/channels/{channel}/audio", content=b"\0\0"),
            await client.get(f"/api/channels/{channel}/captions"),
            await client.get(f"/api/channels/{channel}/transcript.srt"),
            await client.get(f"/overlay/{channel}"),
        ):
            assert answer.status_code == 404
            assert answer.json()["code"] == "no_such_channel"


async def test_the_start_message_can_name_a_channel(service: Running) -> None:
    async with connect(f"{service.sockets}/stt", proxy=None) as socket:
        await socket.send(start(channel="named"))
        assert json.loads(await socket.recv())["channel"] == "named"
    async with connect(f"{service.sockets}/stt", proxy=None) as socket:
        await socket.send(start(channel="no/way"))
        assert (await listen(socket)).code == 4404


async def test_an_odd_number_of_bytes_is_no_error(service: Running) -> None:
    said = await say(service, start(), b"\0\0\0", b"\0\0", '{"op":"end"}')
    assert (said.error, said.code) == (None, 1000)
    said = await say(service, start(), b"\0\0\0", '{"op":"end"}')
    assert (said.error, said.code) == (None, 1000)


@pytest.mark.parametrize("messages", [[], [start()]])
async def test_a_client_that_never_sends_times_out(hasty: Running, messages: list[str]) -> None:
    said = await say(hasty, *messages)
    assert (said.error, said.code) == ("timeout", 4408)


async def test_one_source_too_many() -> None:
    async with running(Limits(sources=2)) as service, service.publisher() as one, service.publisher() as two:
        for socket in (one, two):
            await socket.send(start())
            await socket.recv()
        said = await say(service, start())
        assert (said.error, said.code) == ("too_many", 4429)


async def test_an_error_does_not_wait_for_recognition(service: Running) -> None:
    """A minute of speech is still to be recognized when the client breaks the protocol: it is told at once."""
    async with service.publisher("hurry") as socket:
        await socket.send(start())
        for _ in range(20):
            await socket.send(to_pcm(speech("The weather will be fine tomorrow.")))
        await socket.send("garbage")
        said = await listen(socket)
    assert said.error == "bad_request"
    async with httpx.AsyncClient(base_url=service.url) as client:
        assert (await client.get("/api/channels/hurry")).json()["sources"]
        async with asyncio.timeout(180):
            while (await client.get("/api/channels/hurry")).json()["sources"]:
                await asyncio.sleep(0.2)
        assert (await client.get("/api/channels/hurry/transcript.txt")).text.lower().count("weather") > 15


async def test_a_client_that_sends_far_too_fast_is_refused(hasty: Running) -> None:
    """It is told, and what it said until then is not lost."""
    speeches = [speech("The weather will be fine tomorrow.")] * 20
    async with hasty.publisher("fast") as socket:
        await socket.send(start())
        with suppress(ConnectionClosed):
            for samples in speeches:
                await socket.send(to_pcm(samples))
        said = await listen(socket)
    assert (said.error, said.code) == ("too_fast", 4429)
    async with httpx.AsyncClient(base_url=hasty.url) as client:
        await until_text(client, "fast", "weather")


@pytest.mark.alone
async def test_a_client_that_vanishes_mid_word_leaves_what_it_said(hasty: Running) -> None:
    async with hasty.publisher("vanished") as socket:
        await socket.send(start())
        samples = speech("The weather will be fine tomorrow.")
        for block in blocks(samples[: int(2.2 * RATE)], RATE // 10):
            await socket.send(to_pcm(block))
        socket.transport.abort()
    async with httpx.AsyncClient(base_url=hasty.url) as client:
        await until_text(client, "vanished", "weather")
        for _ in range(100):
            if not (await client.get("/api/channels/vanished")).json()["sources"]:
                break
            await asyncio.sleep(0.1)
        assert (await client.get("/api/channels/vanished")).json()["sources"] == []


async def until_text(client: httpx.AsyncClient, channel: str, word: str) -> None:
    """Wait until the transcript has a word."""
    async with asyncio.timeout(60):
        while word not in (await client.get(f"/api/channels/{channel}/transcript.txt")).text.lower():
            await asyncio.sleep(0.1)


async def test_http_answers_with_the_same_codes(service: Running) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        for query, status, code in (
            ("format=mp5", 400, "unsupported_format"),
            ("rate=0", 400, "unsupported_format"),
            ("rate=fast", 400, "bad_request"),
            ("channels=9", 400, "unsupported_format"),
            ("lang=%2e%2e", 400, "bad_request"),
            ("format=webm", 400, "bad_audio"),
        ):
            answer = await client.post(f"/api/channels/main/audio?{query}", content=b"garbage" * 9000)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        for method, path, allowed in (
            ("GET", "/api/channels/main/audio", "POST"),
            ("POST", "/api/channels/main/captions", "GET, HEAD"),
            ("DELETE", "/api/channels/main/settings", "GET, HEAD, PATCH"),
        ):
            answer = await client.request(method, path)
            assert (answer.status_code, answer.headers["allow"], answer.json()["code"]) == (405, allowed, "bad_method")
        assert (await client.get("/api/channels/main/transcript.pdf")).status_code == 404


async def test_an_http_client_that_stops_sending(hasty: Running) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield bytes(3200)
        await until(lambda: bool(hub.sources.of(channel)))
        await until(lambda: not any(source.lease.attached for source in hub.sources.of(channel)))

    hub = hasty.services.hub
    channel = hub.channel("stopped")
    async with httpx.AsyncClient(base_url=hasty.url, timeout=60) as client:
        answer = await client.post("/api/channels/stopped/audio", content=body())
    assert (answer.status_code, answer.json()["code"]) == (408, "timeout")


@pytest.mark.alone
async def test_a_flood_and_garbage_disturb_no_other_source(service: Running) -> None:
    """While a live source speaks, one client sends as fast as it can and others send garbage."""
    text = "We walked along the river until the sun went down. The doctor told him to drink more water."
    alone = await publish(service, speech(text), channel="live", pace=1.0)  # how late captions are on this machine
    flood = publish(service, silence(120), channel="flood", source="flood")
    noise = [say(service, start(), "garbage") for _ in range(5)] + [say(service, b"xx") for _ in range(5)]
    live, *_ = await asyncio.gather(publish(service, speech(text), channel="live", pace=1.0), flood, *noise)
    assert live.code == 1000
    assert error_rate(text, live.text) < 0.3
    assert max_lag(live) < 3 + 3 * max_lag(alone)


def max_lag(replies: PublisherReplies) -> float:
    return max((message["seconds"] for message in replies.of("lag")), default=0.0)
