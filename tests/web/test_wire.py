"""The JSON that clients get is what `surtitle.core.wire` says: no field is missing, and none is left out there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from surtitle.access import tokens
from surtitle.access.tokens import Scope
from surtitle.channels.settings import SettingsDescription
from surtitle.channels.style import Style, StyleEvent
from surtitle.core.settings import Access
from surtitle.core.wire.access import NewToken, PageLinks, TokenList
from surtitle.core.wire.captions import CaptionEvent, ChannelTranscript, PauseEvent, TranscriptJson
from surtitle.core.wire.errors import ErrorMessage
from surtitle.core.wire.ingests import IngestList
from surtitle.core.wire.models import ModelList
from surtitle.core.wire.obs import ObsOverlay, ObsScreen, ObsState, ObsTicket
from surtitle.core.wire.sessions import Session, SessionList
from surtitle.core.wire.sources import (
    EndMessage,
    FinalMessage,
    LagMessage,
    PartialMessage,
    ReadyMessage,
    SourceEvent,
    StatusMessage,
)
from surtitle.core.wire.status import ChannelStatus, ServiceStatus
from surtitle.core.wire.translation import LanguageList, TranslationEvent
from tests.recordings.talk import talk
from tests.support import Running, publish, put, running, speech

SECRET = "a secret of thirty-two characters"
TEXT = "The old clock on the wall has not worked for many years."
PUBLISHER_MESSAGES = {
    "ready": ReadyMessage,
    "status": StatusMessage,
    "lag": LagMessage,
    "partial": PartialMessage,
    "final": FinalMessage,
    "end": EndMessage,
}
OBS_EVENTS = {
    "screen": ObsScreen,
    "overlay": ObsOverlay,
    "ticket": ObsTicket,
    "state": ObsState,
}
EVENTS = {
    "caption": CaptionEvent,
    "pause": PauseEvent,
    "style": StyleEvent,
    "translation": TranslationEvent,
}


@pytest_asyncio.fixture(scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(data_dir=tmp_path_factory.mktemp("data"), translation_model="/nowhere") as service:
        yield service


@pytest_asyncio.fixture
async def client(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        yield client


def check(data: Any, kind: Any) -> None:
    """`kind` describes all of ``data``."""
    typed = msgspec.convert(data, kind)
    assert json.loads(msgspec.json.encode(typed)) == data


async def test_publishers(service: Running) -> None:
    said = await publish(service, speech(TEXT), channel="wire", source="tab")
    assert {message["type"] for message in said.messages} >= {"ready", "partial", "final", "end"}
    for message in said.messages:
        check(message, PUBLISHER_MESSAGES[message["type"]])


async def test_readers(service: Running, client: httpx.AsyncClient) -> None:
    put(service, "read", "c1", 1, "Good evening", " everybody")
    styles = (await client.put("/api/channels/read/styles/default", json={"theme": "neon", "size": 120})).json()
    check(styles, dict[str, Style])
    await client.patch("/api/channels/read/settings", json={"paused": True})
    seen: dict[str, Any] = {}
    for query in ("", "?lang=fr"):
        async with service.reader("read", query) as socket, asyncio.timeout(20):
            while not seen.keys() >= ({"translation"} if query else {"caption", "pause", "style"}):
                event = json.loads(await socket.recv())
                seen[event["event"]] = event["data"]
    for name, kind in EVENTS.items():
        check(seen[name], kind)


async def test_status(service: Running, client: httpx.AsyncClient) -> None:
    async with service.publisher("watched") as publisher:
        await publisher.send('{"op":"start","source":"tab"}')
        await publisher.recv()
        await client.patch("/api/channels/watched/settings", json={"translations": ["fr"], "model": "/nowhere"})
        async with connect(f"{service.sockets}/api/status", proxy=None) as socket:
            status = json.loads(await socket.recv())
    assert next(one for one in status["channels"] if one["name"] == "watched")["sources"]
    check(status, ServiceStatus)
    check((await client.get("/api/channels/watched")).json(), ChannelStatus)


async def test_the_script_in_obs(service: Running, client: httpx.AsyncClient) -> None:
    put(service, "obs", "c1", 1, "Good evening", " everybody")
    seen: dict[str, Any] = {}
    async with asyncio.timeout(60), client.stream("GET", "/api/channels/obs/obs?captions=1&overlay=1") as feed:
        async for line in feed.aiter_lines():
            event = json.loads(line)
            seen[event["event"]] = event
            if seen.keys() >= {"overlay", "ticket", "state"}:
                break
    for name, event in seen.items():
        check(event, OBS_EVENTS[name])


async def test_a_source_as_readers_see_it(service: Running) -> None:
    async with service.reader("seen") as reader, service.publisher("seen") as publisher, asyncio.timeout(60):
        await publisher.send('{"op":"start","source":"tab"}')
        await publisher.recv()
        await publisher.close()
        while (event := json.loads(await reader.recv()))["event"] != "status":
            pass
    check(event["data"], SourceEvent)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("channels/main/settings", SettingsDescription),
        ("channels/main/links", PageLinks),
        ("channels/main/ingests", IngestList),
        ("channels/main/transcript.json", ChannelTranscript),
        ("models", ModelList),
        ("languages", LanguageList),
        ("sessions", SessionList),
        ("channels/main/transcript.doc", ErrorMessage),
    ],
)
async def test_requests(client: httpx.AsyncClient, path: str, kind: Any) -> None:
    check((await client.get(f"/api/{path}")).json(), kind)


async def test_sessions(service: Running, client: httpx.AsyncClient) -> None:
    spoken = await talk(service, "recorded")
    session = (await client.get(f"/api/sessions/{spoken.session}")).json()
    assert session["audio"]
    assert session["recordings"]
    check(session, Session)
    check((await client.get(f"/api/sessions/{spoken.session}/transcript.json")).json(), TranscriptJson)
    found = (await client.get("/api/sessions?q=close%20door")).json()
    assert found["sessions"][0]["hits"]
    check(found, SessionList)


async def test_tokens() -> None:
    admin = tokens.issue(SECRET, Scope.ADMIN, tokens.EVERY, 60).token
    headers = {"authorization": f"Bearer {admin}"}
    async with (
        running(access=Access(SECRET, require_token=True)) as service,
        httpx.AsyncClient(base_url=service.url, headers=headers) as client,
    ):
        check((await client.post("/api/tokens", json={"channel": "main"})).json(), NewToken)
        check((await client.get("/api/tokens")).json(), TokenList)
        async with connect(f"{service.sockets}/api/status", proxy=None, additional_headers=headers) as socket:
            status = json.loads(await socket.recv())
        assert "links" in status
        check(status, ServiceStatus)
