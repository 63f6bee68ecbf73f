"""Request bodies that are too large, too slow or not JSON are refused by what was sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from surtitle.access.tokens import Scope
from surtitle.core.settings import Access
from surtitle.web.body import MAX_BODY_BYTES
from tests.support import Running, put, running

BODIES = [
    ("PATCH", "/api/channels/main/settings", "Channel settings"),
    ("PUT", "/api/channels/main/styles/game", "A style"),
    ("PATCH", "/api/channels/main/captions/c1", "A correction"),
    ("POST", "/api/tokens", "A token request"),
    ("POST", "/api/sessions/{session}/polish", "A second-pass request"),
]


@pytest_asyncio.fixture(scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    access = Access("x" * 32, require_token=True)
    async with running(access=access, data_dir=tmp_path_factory.mktemp("data")) as service:
        yield service


@pytest_asyncio.fixture
async def client(guarded: Running) -> AsyncIterator[httpx.AsyncClient]:
    token = guarded.services.authority.issue(Scope.ADMIN, "*", 600, "test").token
    async with httpx.AsyncClient(
        base_url=guarded.url, headers={"authorization": f"Bearer {token}"}, timeout=30
    ) as client:
        yield client


def path_of(service: Running, path: str) -> str:
    """The path with the id of a session that exists, whose channel has the caption `c1`."""
    channel = service.services.hub.channel("main")
    channel.begin()
    put(service, "main", "c1", 1, "Done.", final=True)
    return path.format(session=channel.session.current.id)


@pytest.mark.parametrize(("method", "path", "noun"), BODIES)
async def test_a_body_that_is_too_large(
    guarded: Running, client: httpx.AsyncClient, method: str, path: str, noun: str
) -> None:
    answer = await client.request(method, path_of(guarded, path), content=b" " * (MAX_BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.json()["message"] == f"{noun} may have at most 1048576 bytes: send less."


@pytest.mark.parametrize(("method", "path", "noun"), BODIES)
async def test_a_body_that_is_too_slow(
    guarded: Running, client: httpx.AsyncClient, method: str, path: str, noun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surtitle.web.body._BODY_TIMEOUT", 0.1)
    head = f"{method} {path_of(guarded, path)} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    writer.write(f"{head}authorization: {client.headers['authorization']}\r\ncontent-length: 2\r\n\r\n{{".encode())
    answer = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith("HTTP/1.1 400 ")
    assert f"{noun} must arrive within 0.1 s: send the request again." in answer


@pytest.mark.parametrize(("method", "path", "noun"), BODIES)
async def test_a_client_that_disconnects_before_its_body_has_arrived(
    guarded: Running, client: httpx.AsyncClient, method: str, path: str, noun: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    head = f"{method} {path_of(guarded, path)} HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    writer.write(f"{head}authorization: {client.headers['authorization']}\r\ncontent-length: 2\r\n\r\n{{".encode())
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(30):
        while not any(record.message.endswith(" disconnected") for record in caplog.records):
            await asyncio.sleep(0.01)
    await client.get("/healthz")  # the service has finished with the other request
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(("method", "path", "noun"), BODIES)
@pytest.mark.parametrize("body", [b"nonsense", b"\xff\xff", b'{"colour":"red"}', b"[" * 5000])
async def test_a_body_that_is_not_the_expected_json(
    guarded: Running, client: httpx.AsyncClient, method: str, path: str, noun: str, body: bytes
) -> None:
    answer = await client.request(method, path_of(guarded, path), content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    explained = (f"{noun} must be JSON like {{", "colour: there is no such setting: send any of")
    assert answer.json()["message"].startswith(explained)
