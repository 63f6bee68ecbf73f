"""Every limit: what is at it passes, what is beyond it is told, and nobody else is disturbed."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import cast

import httpx
import numpy as np
import pytest
from starlette.requests import HTTPConnection
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from surtitle.access import tokens
from surtitle.access.tokens import EVERY, Scope
from surtitle.audio import RATE, Samples
from surtitle.audio.pcm import to_pcm
from surtitle.channels.hub import Hub
from surtitle.core.errors import TooMany
from surtitle.core.settings import Access, Limits
from surtitle.web.admission import AdmissionLimits, ByteRateLimit
from tests.support import PublisherReplies, Running, error_rate, listen, publish, running, silence, speech, until

START = '{"op":"start","source":"test"}'
SECRET = "a secret that nobody guesses, of this test"
PROXIED = Access(SECRET, require_token=True, trust_proxy=("127.0.0.1",))


async def say(service: Running, *messages: str | bytes, channel: str = "main", pause: float = 0.0) -> PublisherReplies:
    async with service.publisher(channel) as socket:
        with suppress(ConnectionClosed):
            for message in messages:
                await socket.send(message)
                await asyncio.sleep(pause)
        return await listen(socket, timeout=20)


async def test_sources() -> None:
    limits = Limits(sources=3, sources_per_channel=2)
    async with running(limits) as service, AsyncExitStack() as stack:
        for channel, code in (("a", None), ("a", None), ("a", 4429), ("b", None), ("b", 4429), ("c", 4429)):
            socket = await stack.enter_async_context(service.publisher(channel))
            await socket.send(START)
            said = json.loads(await socket.recv())
            assert (said["type"] == "ready") == (code is None)
            if code is not None:
                assert said["code"] == "too_many"
                assert "end one first" in said["message"]
                assert (await listen(socket)).code == code


async def test_sources_and_readers_of_a_tenant() -> None:
    """Another tenant is not kept out."""
    limits = Limits(sources_per_tenant=2, readers_per_tenant=2)
    async with running(limits, tenant_separator="-") as service, AsyncExitStack() as stack:
        for channel, fits in (("acme-1", True), ("acme-2", True), ("acme-3", False), ("globex-1", True)):
            publisher = await stack.enter_async_context(service.publisher(channel))
            await publisher.send(START)
            said = json.loads(await publisher.recv())
            assert (said["type"] == "ready") == fits
            reader = await stack.enter_async_context(service.reader(channel))
            if fits:
                await until(lambda named=channel: service.services.hub.readers.of(named))  # type: ignore[misc]
            else:
                assert "2 sources are already running in the channels of acme" in said["message"]
                assert (await listen(reader)).code == 4429


async def test_a_token_for_a_tenant() -> None:
    """It is valid in the tenant's channels, and issues and lists tokens for those only."""
    access = Access(SECRET, require_token=True)
    async with running(access=access) as service:
        token = tokens.issue(SECRET, Scope.ADMIN, "acme-*", 600).token
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=service.url, headers=headers) as client:
            for channel, status in (("acme-hall", 200), ("acme", 403), ("globex-hall", 403)):
                assert (
                    await client.patch(f"/api/channels/{channel}/settings", json={"language": "en"})
                ).status_code == status
            shown = (await client.get("/api/channels")).json()["channels"]
            assert [one["name"] for one in shown] == ["acme-hall"]
            for channel, status in (("acme-hall", 200), ("acme-*", 200), ("*", 403), ("acme*", 403), ("globex-*", 403)):
                answer = await client.post("/api/tokens", json={"channel": channel})
                assert answer.status_code == status, answer.text
            listed = (await client.get("/api/tokens")).json()["tokens"]
            assert {one["channel"] for one in listed} == {"acme-hall", "acme-*"}
            links = (await client.get("/api/channels/acme-hall/links")).json()
            assert token not in links["viewer"]  # readers get a token for this channel only
            assert (await client.get("/metrics")).status_code == 403


def test_files_of_one_address() -> None:
    admission = AdmissionLimits(cast(Hub, None), Limits(file_requests_per_address=1))

    def connection(address: str) -> HTTPConnection:
        return HTTPConnection({"type": "http", "client": (address, 50_000)})

    with admission.file(connection("203.0.113.1")):
        with pytest.raises(TooMany), admission.file(connection("203.0.113.1")):
            pass
        with admission.file(connection("198.51.100.1")):
            pass
    for _ in range(2):
        with admission.file(connection("203.0.113.1")):
            pass


async def test_readers() -> None:
    limits = Limits(readers=3, readers_per_channel=2)
    async with running(limits) as service, AsyncExitStack() as stack:
        for channel, fits in (("a", True), ("a", True), ("a", False), ("b", True), ("b", False)):
            socket = await stack.enter_async_context(service.reader(channel))
            if fits:
                await asyncio.sleep(0.1)
            else:
                said = await listen(socket)
                assert (said.error, said.code) == ("too_many", 4429)
        async with httpx.AsyncClient(base_url=service.url) as client:
            for path in ("captions", "obs"):
                assert (await client.get(f"/api/channels/b/{path}")).status_code == 429


async def test_readers_and_starts_of_one_address() -> None:
    """As a trusted proxy tells them; others at other addresses are not kept out."""
    token = tokens.issue(SECRET, Scope.ADMIN, EVERY, 600).token
    limits = Limits(readers_per_address=2, starts=2)
    async with running(limits, access=PROXIED) as service, AsyncExitStack() as stack:
        for address, fits in (
            ("203.0.113.1", True),
            ("203.0.113.1", True),
            ("203.0.113.1", False),
            ("198.51.100.1", True),
        ):
            headers = {"x-forwarded-for": address, "authorization": f"Bearer {token}"}
            reader = connect(f"{service.sockets}/api/channels/a/captions", proxy=None, additional_headers=headers)
            socket = await stack.enter_async_context(reader)
            if fits:
                await asyncio.sleep(0.1)
            else:
                assert (await listen(socket)).code == 4429
            publisher = connect(f"{service.sockets}/stt", proxy=None, additional_headers=headers)
            source = await stack.enter_async_context(publisher)
            await source.send(START)
            assert (json.loads(await source.recv())["type"] == "ready") == fits


async def test_failures_of_one_address() -> None:
    async with (
        running(Limits(failures=3), access=PROXIED) as service,
        httpx.AsyncClient(base_url=service.url) as client,
    ):
        for address, status in (("203.0.113.1", 401),) * 3 + (("203.0.113.1", 429), ("198.51.100.1", 401)):
            headers = {"x-forwarded-for": address, "authorization": "Bearer guess"}
            assert (await client.get("/api/channels", headers=headers)).status_code == status


async def test_requests_without_a_token_are_no_failures() -> None:
    access = Access(SECRET, require_token=True)
    async with running(Limits(failures=3), access=access) as service, httpx.AsyncClient(base_url=service.url) as client:
        for _ in range(8):
            assert (await client.get("/api/channels")).status_code == 401
        guess = await client.get("/api/channels", headers={"authorization": "Bearer guess"})
        assert guess.status_code == 401


async def test_only_trusted_proxies_set_the_client_address() -> None:
    """Without a proxy that is trusted, X-Forwarded-For changes nothing."""
    access = Access(SECRET, require_token=True)
    async with running(Limits(failures=3), access=access) as service, httpx.AsyncClient(base_url=service.url) as client:
        statuses = [
            (
                await client.get(
                    "/api/channels",
                    headers={"x-forwarded-for": f"203.0.113.{number}", "authorization": "Bearer guess"},
                )
            ).status_code
            for number in range(5)
        ]
    assert statuses == [401] * 3 + [429] * 2


async def test_the_size_of_a_message() -> None:
    async with running(Limits(frame_bytes=10_000)) as service:
        said = await say(service, START, bytes(10_000), '{"op":"end"}')
        assert said.code == 1000
        said = await say(service, START, bytes(10_002))
        assert (said.error, said.code) == ("too_large", 4413)


async def test_bytes_a_second() -> None:
    async with running(Limits(source_rate=10_000)) as service:
        said = await say(service, START, bytes(300_000), '{"op":"end"}')
        assert said.code == 1000
        said = await say(service, START, bytes(330_000), '{"op":"end"}')
        assert (said.error, said.code) == ("too_fast", 4429)


def test_the_flow_fills_at_its_rate() -> None:
    now = 0.0
    flow = ByteRateLimit(100, lambda: now)
    assert flow.take(3000) == 0
    assert flow.take(100) == 1.0
    now = 2.0
    assert flow.take(100) == 0
    now = 1000.0
    assert flow.take(3000) == 0
    assert flow.take(1) > 0


async def publish_rest(service: Running, start: str, samples: Samples) -> int | None:
    """Continue a source with the ``samples`` that the service has not received; returns the code of the end."""
    async with service.publisher("long") as source:
        await source.send(start)
        ready = json.loads(await source.recv())
        with suppress(ConnectionClosed):
            await source.send(to_pcm(samples[round(ready["received"] * RATE) :]))
            await source.send('{"op":"end"}')
        return (await listen(source)).code


async def test_a_source_that_is_too_long_goes_on_as_a_new_one_after_a_sentence() -> None:
    """No word is lost or heard twice, the clock and the name stay, and its client gets all captions of the first."""
    first, second = "The weather will be fine tomorrow.", "The train leaves at seven in the evening."
    start = json.dumps({"op": "start", "source": "Host", "resume": "r-long-0123456789"})
    sent = speech(first)
    async with running(Limits(source_length=1.0)) as service:
        async with service.publisher("long") as source:
            await source.send(start)
            listening = asyncio.create_task(listen(source))
            await source.send(to_pcm(sent))
            with suppress(ConnectionClosed):
                while not listening.done():
                    await source.send(to_pcm(silence(0.1)))
                    sent = np.concatenate([sent, silence(0.1)])
                    await asyncio.sleep(0.1)
            said = await listening
        assert (said.error, said.code, said.of("end")) == ("too_long", 4408, [])
        assert error_rate(first, said.text) < 0.25
        async with service.publisher("long") as source:
            await source.send(start)
            ready = json.loads(await source.recv())
            assert (ready["resumed"], ready["source"], ready["clock"]) == (True, "Host", said.messages[0]["clock"])
            assert len(speech(first)) / RATE - 1 < ready["received"] <= len(sent) / RATE  # in the pause
        rest = np.concatenate([sent, speech(second)])
        async with asyncio.timeout(60):
            while (
                await publish_rest(service, start, rest) != 1000
            ):  # on a busy machine, it may be too long again at once
                pass
        channel = service.services.hub.channel("long")
        assert error_rate(f"{first} {second}", await channel.original.transcript("txt")) < 0.25
        assert [one.start for one in channel.original.captions] == sorted(
            one.start for one in channel.original.captions
        )
        assert {one.source for one in channel.original.captions} == {"Host"}


async def test_a_body_that_is_too_long_ends_in_a_pause_too() -> None:
    sound = speech("The weather will be fine tomorrow.")
    params: dict[str, str | int] = {"rate": RATE, "source": "OBS", "resume": "r-long-0123456789"}

    async def body() -> AsyncIterator[bytes]:
        yield to_pcm(sound)
        while True:
            yield to_pcm(silence(0.1))
            await asyncio.sleep(0.1)

    limits = Limits(source_length=1.0)
    async with running(limits) as service, httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        address = "/api/channels/long/audio"
        with suppress(httpx.HTTPError):  # it may hang up before it has read all
            answer = await client.post(address, params=params, content=body())
            assert (answer.status_code, answer.json()["code"]) == (408, "too_long")
        answer = await client.post(address, params=params, content=to_pcm(sound))
        assert (answer.status_code, answer.json()["resumed"]) == (200, True)
        text = (await service.services.hub.channel("long").original.transcript("txt")).lower()
        assert text.count("weather") == 2


async def test_by_default_a_source_may_last_forever() -> None:
    assert Limits().source_length == 0


async def test_headers_and_addresses(service: Running) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        assert (await client.get("/healthz", headers={"x-long": "x" * 10_000})).status_code == 200
        for request in (
            {"headers": {"x-long": "x" * 90_000}},
            {"headers": {"x-long": "x" * 9_000}, "params": {"q": "x" * 60_000}},
        ):
            with suppress(httpx.HTTPError):  # it may hang up before it has read all
                answer = await client.get("/healthz", **request)  # type: ignore[arg-type]
                assert answer.status_code in (400, 413)
        assert (await client.get("/healthz")).status_code == 200


async def test_sockets_with_long_addresses_and_many_headers(service: Running) -> None:
    headers = {"cookie": "a=" + "x" * 20_000, **{f"x-{number}": "x" for number in range(200)}}
    address = f"{service.sockets}/api/channels/main/captions?q={'x' * 20_000}"
    async with connect(address, proxy=None, additional_headers=headers):
        pass
    for request in (f"GET /{'x' * 90_000} HTTP/1.1\r\nHost: 127.0.0.1\r\n", "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(service.url).port)
        writer.write(f"{request}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n".encode())
        async with asyncio.timeout(30):  # not only after the time in which a connection has to begin
            assert (await reader.readline()).startswith(b"HTTP/1.1 4")
        writer.close()


async def test_one_that_connects_and_says_nothing() -> None:
    """Nothing at all, half a request, and headers that come byte by byte."""
    async with running(Limits(start_timeout=1.0)) as service:
        port = int(service.url.rpartition(":")[2])

        async def drip(first: bytes, rest: bytes) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(first)
            with suppress(OSError):
                for at in range(len(rest)):
                    await asyncio.sleep(0.1)
                    writer.write(rest[at : at + 1])
            answer = b""
            with suppress(ConnectionError):
                answer = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            return answer

        answers = await asyncio.gather(
            drip(b"", b""),
            drip(b"GET / HTTP/1.1\r\nHost: ", b""),
            drip(b"GET / HTTP/1.1\r\n", b"X-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            drip(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b""),  # keeps the connection, and says no more
        )
    assert not any(answers[:3])
    assert answers[3].startswith(b"HTTP/1.1 200")


async def test_a_long_answer_is_not_cut_off() -> None:
    """A reader over HTTP says nothing more, for hours."""
    async with (
        running(Limits(start_timeout=0.5)) as service,
        httpx.AsyncClient(base_url=service.url) as client,
        client.stream("GET", "/api/channels/main/captions", timeout=10) as answer,
    ):
        lines = answer.aiter_lines()
        await asyncio.sleep(1.5)
        service.services.hub.channel("main").clear()
        assert "event: clear" in (await anext(lines), await anext(lines))


async def test_connections() -> None:
    async with running(Limits(connections=20)) as service:
        port = int(service.url.rpartition(":")[2])
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        await asyncio.sleep(0.3)
        with socket.create_connection(("127.0.0.1", port)) as late:
            answer = await asyncio.to_thread(late.recv, 1000)
            assert answer.startswith(b"HTTP/1.1 503")
            assert b"too_many" in answer
        for one in held:
            one.close()
        async with httpx.AsyncClient(base_url=service.url) as client:
            await until(lambda: service.services.connection_limits.open == 0)
            assert (await client.get("/healthz")).status_code == 200
            async with service.reader():
                await until(lambda: service.services.connection_limits.open == 2)
        await until(lambda: service.services.connection_limits.open == 0)


@pytest.mark.alone
async def test_half_open_sockets_and_garbage_disturb_no_caption(service: Running) -> None:
    """Two hundred that say nothing or half of something, and floods of garbage, while a live source speaks."""
    text = "We walked along the river until the sun went down. The doctor told him to drink more water."
    host, port = "127.0.0.1", int(service.url.rpartition(":")[2])
    upgrade = (
        b"GET /stt HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    stop = asyncio.Event()

    async def flood(number: int) -> None:
        """Garbage, again and again."""
        while not stop.is_set():
            with suppress(OSError, ConnectionClosed, TimeoutError):
                if number % 3 == 0:
                    _, writer = await asyncio.open_connection(host, port)
                    writer.write(bytes(range(256)) * 40)
                    await writer.drain()
                    writer.close()
                elif number % 3 == 1:
                    await say(service, '{"op":"dance"}', b"x" * 1000)
                else:
                    _, writer = await asyncio.open_connection(host, port)
                    writer.write(upgrade + b"\x82\xfe\xff\xff" + b"garbage" * 300)
                    await writer.drain()
                    writer.close()
            await asyncio.sleep(0.2)

    halves = (b"", b"GET / HTTP/1.1\r\nHo", upgrade, upgrade + b"\x82\xff\x00\x00")
    writers = []
    for number in range(200):
        _, writer = await asyncio.open_connection(host, port)
        writer.write(halves[number % len(halves)])
        writers.append(writer)
    flooding = [asyncio.create_task(flood(number)) for number in range(6)]
    try:
        live = await publish(service, speech(text), channel="undisturbed", pace=1.0)
    finally:
        stop.set()
        await asyncio.gather(*flooding)
        for writer in writers:
            writer.close()
    assert live.code == 1000
    assert error_rate(text, live.text) < 0.3
    assert [message for message in live.of("lag") if message["skipped"]] == []
    async with asyncio.timeout(20):
        while service.services.connection_limits.open:
            await asyncio.sleep(0.1)
