"""Every route of the router requires the right permission, with tokens of every kind."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from starlette.routing import Route
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from surtitle.access import tokens
from surtitle.access.tokens import EVERY, Scope
from surtitle.audio.pcm import to_pcm
from surtitle.core.errors import Unauthorized
from surtitle.core.settings import Access, Limits, Settings
from surtitle.web.app import create_app
from surtitle.web.guard import IN_START, PUBLIC, Requirement, run_authorized
from surtitle.web.routing import AnyRoute
from tests.support import Running, listen, publish, running, silence, speech, until
from tests.web.routes import foreign_routes, requirements

SECRET = "a secret that nobody guesses, of this test"
REQUIREMENTS = requirements()
ROUTES = sorted(REQUIREMENTS)
FOREIGN = foreign_routes()
FORBIDDING = ("WS /asr", "WS /api/channels/{channel}/asr")  # as WhisperLiveKit does


def token(scope: Scope = Scope.VIEW, channel: str = "main", *, secret: str = SECRET, seconds: float = 600) -> str:
    return str(tokens.issue(secret, scope, channel, seconds).token)


@pytest_asyncio.fixture(scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A service that wants a token of everybody."""
    folder = tmp_path_factory.mktemp("data")
    access, limits = Access(SECRET, require_token=True), Limits(failures=100_000)
    async with running(limits, access=access, data_dir=folder) as service:
        yield service


@dataclass
class Answer:
    """How a service answered: the HTTP status, or what the close code means; and all that it said."""

    status: int
    text: str


async def ask(service: Running, key: str, shown_token: str | None, how: str = "header", **request: Any) -> Answer:
    """Use a route of the table in the channel `main`, and see what becomes of it."""
    method, path = key.split(" ")
    named = {
        "action": "check",
        "file": "1-tab.flac",
        "lang": "original",
        "number": "1",
        "channel": "main",
        "id": "c1",
        "id:path": "whisper-1",
        "name": "style",
        "form": "txt",
        "path:path": "nowhere/at/all",
    }
    path = re.sub(r"\{(.*?)\}", lambda found: named[found[1]], path) + ("/icon.svg" if path == "/static" else "")
    headers = {"authorization": f"Bearer {shown_token}"} if shown_token and how == "header" else {}
    query = f"?token={shown_token}" if shown_token and how == "query" else ""
    if method == "WS":
        try:
            connecting = await connect(f"{service.sockets}{path}{query}", proxy=None, additional_headers=headers)
        except InvalidStatus as refusal:
            return Answer(refusal.response.status_code, (refusal.response.body or b"").decode())
        async with connecting as socket:
            if REQUIREMENTS[key] is IN_START:
                await socket.send(json.dumps({"op": "start", **({"token": shown_token} if how == "start" else {})}))
            try:
                async with asyncio.timeout(1):
                    first = str(await socket.recv())
            except TimeoutError:
                return Answer(200, "")  # it is let in, and nothing happens yet
            said = json.loads(first)
            if said.get("type") != "error":
                return Answer(200, first)
            await listen(socket)
            return Answer((socket.close_code or 0) - 4000, first)
    async with (
        httpx.AsyncClient(base_url=service.url, timeout=10, verify=False) as client,
        client.stream(method, path + query, headers=headers, **request) as answer,
    ):
        streams = answer.headers["content-type"].startswith(("text/event-stream", "application/x-ndjson"))
        return Answer(answer.status_code, "" if streams else (await answer.aread()).decode(errors="replace"))


def test_every_route_states_what_it_needs() -> None:
    routes = create_app(Settings()).routes
    assert [route for route in routes if not isinstance(route, AnyRoute)] == []
    assert all(isinstance(route.needs, Requirement) for route in routes if isinstance(route, AnyRoute))
    assert len(ROUTES) > 30


@pytest.mark.parametrize("key", [key for key in ROUTES if "{channel}" in key])
def test_a_route_of_a_channel_needs_a_token_for_that_channel(key: str) -> None:
    assert REQUIREMENTS[key] is IN_START or REQUIREMENTS[key].channel == "{channel}"


def test_what_is_open_is_what_should_be() -> None:
    """Who opens another route has to change this line too."""
    interfaces = (
        "/v1/audio/transcriptions",
        "/v1/audio/translations",
        "/v1/listen",
        "/v1/models",
        "/v1/models/{id:path}",
    )
    assert [key for key in ROUTES if REQUIREMENTS[key] is PUBLIC] == [
        "GET /health",
        "GET /healthz",
        "GET /readyz",
        "GET /static",
        "GET /static/demo",
        "GET /static/extension/capture",
        "GET /static/extension/shared",
        "GET /static/overlay",
        *(f"OPTIONS {channel}{path}" for channel in ("/api/channels/{channel}", "") for path in interfaces),
    ]
    assert [key for key in ROUTES if REQUIREMENTS[key] is IN_START] == [
        "POST /api/channels/{channel}/audio",
        "WS /api/channels/{channel}/audio",
        "WS /stt",
    ]


async def test_a_route_that_does_not_state_what_it_needs_is_refused(service: Running) -> None:
    async def leak(_: Any) -> Any:
        raise AssertionError("nobody may come here")

    service.app.router.routes.insert(0, Route("/forgotten", leak))
    async with httpx.AsyncClient(base_url=service.url) as client:
        assert (await client.get("/forgotten")).status_code == 403


CLOSED = [key for key in ROUTES if REQUIREMENTS[key] is not PUBLIC]


@pytest.mark.parametrize("key", CLOSED)
async def test_nothing_is_allowed_without_a_valid_token(guarded: Running, key: str) -> None:
    for shown_token in (None, "garbage", token(Scope.ADMIN, EVERY, secret="s" * 40), expired()):
        for how in ("header", "query", "start"):
            answer = await ask(guarded, key, shown_token, how)
            assert answer.status == (403 if key in FORBIDDING else 401), (shown_token, how)
            if key in FOREIGN:
                assert "token" in answer.text.lower()
            else:
                assert json.loads(answer.text)["code"] == "unauthorized"
            assert not shown_token or shown_token not in answer.text


def expired() -> str:
    return jwt.encode({"channel": EVERY, "scope": "admin", "exp": 1_000_000_000}, SECRET, algorithm="HS256")


@pytest.mark.parametrize(
    "key", [key for key in CLOSED if REQUIREMENTS[key].channel == "{channel}" or REQUIREMENTS[key] is IN_START]
)
async def test_a_token_for_another_channel_is_of_no_use(guarded: Running, key: str) -> None:
    answer = await ask(guarded, key, token(Scope.ADMIN, "other"))
    assert answer.status == 403


@pytest.mark.parametrize("key", CLOSED)
async def test_a_scope_that_does_not_suffice(guarded: Running, key: str) -> None:
    requirement = Scope.PUBLISH if REQUIREMENTS[key] is IN_START else REQUIREMENTS[key].scope
    assert requirement is not None
    for scope in Scope:
        if scope < requirement:
            answer = await ask(guarded, key, token(scope, EVERY))
            assert answer.status == 403, scope


@pytest.mark.parametrize("how", ["header", "query", "start"])
@pytest.mark.parametrize("key", CLOSED)
async def test_the_right_token_passes(guarded: Running, key: str, how: str) -> None:
    requirement: Requirement = REQUIREMENTS[key]
    if how == "start" and key not in ("WS /stt", "WS /api/channels/{channel}/audio"):
        return
    scope = requirement.scope or Scope.PUBLISH
    channel = "main" if requirement.channel in ("", "{channel}") else requirement.channel
    answer = await ask(guarded, key, token(scope, channel), how)
    assert answer.status not in (401, 403, 429, 500), answer.text
    # a source that was left alone has to go before the next test
    await guarded.services.demo.close()
    hub = guarded.services.hub
    await until(lambda: not any(source.lease.attached for source in hub.sources.of(hub.channel("main"))))


async def test_valid_tokens_pass_where_others_were_refused_too_often() -> None:
    async with (
        running(access=Access(SECRET, require_token=True)) as service,
        httpx.AsyncClient(base_url=service.url) as client,
    ):
        answers = [await client.get("/api/channels", headers={"authorization": "Bearer no"}) for _ in range(40)]
        assert answers[-1].status_code == 429
        assert answers[-1].headers["retry-after"]
        good = await client.get("/api/channels", headers={"authorization": f"Bearer {token(Scope.PUBLISH)}"})
        assert good.status_code == 200


async def test_a_token_sees_its_own_channel_only(guarded: Running) -> None:
    for name in ("main", "secret-project"):
        guarded.services.hub.channel(name)
    headers = {"authorization": f"Bearer {token(Scope.ADMIN)}"}
    async with httpx.AsyncClient(base_url=guarded.url, headers=headers) as client:
        names = [one["name"] for one in (await client.get("/api/channels")).json()["channels"]]
        assert names == ["main"]
        for scope in ("view", "admin"):
            for channel, status in (("main", 200), ("secret-project", 403), (EVERY, 403)):
                answer = await client.post("/api/tokens", json={"channel": channel, "scope": scope})
                assert answer.status_code == status
    async with connect(f"{guarded.sockets}/api/status", proxy=None, additional_headers=headers) as socket:
        assert [one["name"] for one in json.loads(await socket.recv())["channels"]] == ["main"]


async def test_health_tells_strangers_nothing(guarded: Running) -> None:
    async with httpx.AsyncClient(base_url=guarded.url) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_a_token_is_made_listed_and_revoked(guarded: Running) -> None:
    headers = {"authorization": f"Bearer {token(Scope.ADMIN)}"}
    async with httpx.AsyncClient(base_url=guarded.url, headers=headers) as client:
        for wrong in (
            {},
            {"channel": "a/b"},
            {"channel": "main", "scope": "root"},
            {"channel": "main", "expires": "x"},
        ):
            assert (await client.post("/api/tokens", json=wrong)).status_code in (400, 404)
        made = (await client.post("/api/tokens", json={"channel": "main", "name": "guest\nlaptop"})).json()
        listed = {one["id"]: one for one in (await client.get("/api/tokens")).json()["tokens"]}
        assert listed[made["id"]]["name"] == "guest laptop"
        assert "token" not in listed[made["id"]]
        guest = {"authorization": f"Bearer {made['token']}"}
        assert (await client.get("/api/channels/main/transcript.txt", headers=guest)).status_code == 200
        assert (await client.delete(f"/api/tokens/{made['id']}")).status_code == 200
        assert (await client.delete("/api/tokens/unknown")).status_code == 404
        async with asyncio.timeout(20):
            while (await client.get("/api/channels/main/transcript.txt", headers=guest)).status_code != 401:
                await asyncio.sleep(0.1)


async def test_clients_are_disconnected_when_their_token_is_revoked(guarded: Running, tmp_path: Path) -> None:
    """By another process, as `surtitle token revoke` does: sockets, event streams and sources end within seconds."""
    authority, hub = guarded.services.authority, guarded.services.hub
    given = authority.issue(Scope.PUBLISH, "leaving", 600, "guest")
    headers = {"authorization": f"Bearer {given.token}"}
    place = f"{guarded.sockets}/api/channels/leaving"
    async with (
        connect(f"{place}/captions?token={given.token}", proxy=None) as reader,
        connect(f"{place}/audio", proxy=None) as publisher,
        httpx.AsyncClient(base_url=guarded.url, headers=headers, timeout=20) as client,
        client.stream("GET", "/api/channels/leaving/captions") as events,
        client.stream("GET", "/api/channels/leaving/obs") as feed,
    ):
        await publisher.send(json.dumps({"op": "start", "token": given.token}))
        assert json.loads(await publisher.recv())["type"] == "ready"
        assert (events.status_code, feed.status_code) == (200, 200)
        authority.token_store.revoke(given.id)
        said = await asyncio.gather(listen(reader, timeout=20), listen(publisher, timeout=20))
        assert [one.error for one in said] == ["unauthorized"] * 2
        assert [one.code for one in said] == [4401] * 2
        await asyncio.wait_for(asyncio.gather(events.aread(), feed.aread()), 20)
    await until(lambda: not hub.readers.of("leaving") and not hub.sources.of(hub.channel("leaving")))


async def test_clients_are_disconnected_when_their_token_expires(guarded: Running) -> None:
    shown_token = token(seconds=2)
    async with connect(f"{guarded.sockets}/api/channels/main/captions?token={shown_token}", proxy=None) as reader:
        said = await listen(reader, timeout=20)
    assert (said.code, said.error) == (4401, "unauthorized")


async def test_a_source_ends_in_a_pause_when_its_token_expires(guarded: Running) -> None:
    """Its last words are recognized and delivered first; without a new token it cannot continue."""
    start = json.dumps({"op": "start", "token": token(Scope.PUBLISH, "expiring", seconds=2), "resume": "r-0123456789"})
    async with guarded.publisher("expiring") as source:
        await source.send(start)
        listening = asyncio.create_task(listen(source))
        await source.send(to_pcm(speech("The old clock on the wall has not worked for many years.")))
        with suppress(ConnectionClosed):
            while not listening.done():
                await source.send(to_pcm(silence(0.1)))
                await asyncio.sleep(0.1)
        said = await listening
    assert (said.code, said.error) == (4401, "unauthorized")
    assert "years" in said.text.lower()
    async with guarded.publisher("expiring") as source:
        await source.send(start)
        assert (await listen(source)).code == 4401


async def test_a_ticket_is_worth_no_more_than_its_token(guarded: Running) -> None:
    """OBS's address for sound holds no token, but stands for one."""
    given = guarded.services.authority.issue(Scope.PUBLISH, "obs", 600, "OBS")
    headers = {"authorization": f"Bearer {given.token}"}
    async with httpx.AsyncClient(base_url=guarded.url, timeout=20) as client:
        for revoked, status in ((False, 200), (True, 401)):
            async with client.stream("GET", "/api/channels/obs/obs", headers=headers) as feed:
                ticket = json.loads(await anext(feed.aiter_lines()))["ticket"]
            if revoked:
                guarded.services.authority.token_store.revoke(given.id)
                await until(lambda: given.id in guarded.services.authority._revoked)
            answer = await client.post(f"/api/channels/obs/audio?ticket={ticket}", content=bytes(32_000))
            assert answer.status_code == status


async def test_pages_get_a_cookie_for_their_token(guarded: Running) -> None:
    shown_token = token()
    async with httpx.AsyncClient(base_url=guarded.url) as client:
        page = await client.get(f"/view/main?token={shown_token}")
        (cookie,) = page.headers.get_list("set-cookie")
        assert "httponly" in cookie.lower()
        assert "samesite=strict" in cookie.lower()
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert (await client.get("/view/main")).status_code == 200
        assert (await client.get("/api/channels/main/transcript.txt")).status_code == 200
        assert (await client.get("/view/main/manifest.webmanifest")).status_code == 200
        # who may view can do nothing else, nor see the dashboard
        assert (await client.get("/")).status_code == 403
        assert (await client.patch("/api/channels/main/captions/c1", json={"text": "x"})).status_code == 403
        # a link that is shown_token goes before what the browser keeps
        assert (await client.get("/view/main?token=old")).status_code == 401


async def test_a_viewers_link_does_not_take_the_dashboard_away(guarded: Running) -> None:
    async with httpx.AsyncClient(base_url=guarded.url) as client:
        assert (await client.get(f"/?token={token(Scope.ADMIN)}")).status_code == 200
        assert (await client.get(f"/view/main?token={token()}")).status_code == 200
        assert (await client.get("/")).status_code == 200


async def test_links_for_others_can_only_view(guarded: Running) -> None:
    headers = {"authorization": f"Bearer {token(Scope.ADMIN, EVERY)}"}
    async with httpx.AsyncClient(base_url=guarded.url, headers=headers) as client:
        links = (await client.get("/api/channels/main/links")).json()
        assert links == (await client.get("/api/channels/main/links")).json()
    for purpose in ("viewer", "overlay"):
        shown_token = httpx.URL(links[purpose]).params["token"]
        grant = tokens.decode(SECRET, shown_token)
        assert (grant.scope, grant.channel) == (Scope.VIEW, "main")
        async with httpx.AsyncClient() as client:
            assert (await client.get(links[purpose])).status_code == 200


async def test_people_are_told_on_a_page(guarded: Running) -> None:
    async with httpx.AsyncClient(base_url=guarded.url, headers={"accept": "text/html"}) as client:
        page = await client.get("/view/main")
        assert page.status_code == 401
        assert page.headers["content-type"].startswith("text/html")
        assert "token" in page.text
        page = await client.get("/view/<b>main", headers={"authorization": f"Bearer {token()}"})
        assert page.status_code == 403
        assert "&lt;b&gt;main" in page.text
        assert "<b>main" not in page.text


async def test_tokens_are_never_logged(guarded: Running, caplog: pytest.LogCaptureFixture) -> None:
    """Neither good ones nor bad ones, whatever is done with them, at any level, uvicorn's lines included."""
    secret_looking = ["garbage.token.here", token(Scope.PUBLISH), token(secret="x" * 40)]
    with caplog.at_level(logging.DEBUG):
        for shown_token in secret_looking:
            for key in ("GET /view/{channel}", "WS /stt", "POST /api/channels/{channel}/audio", "WS /api/status"):
                for how in ("header", "query", "start"):
                    await ask(guarded, key, shown_token, how)
    clients = ("httpx", "httpcore", "websockets.client", "asyncio")
    lines = [record.getMessage() for record in caplog.records if not record.name.startswith(clients)]
    assert len(lines) > 20
    for shown_token in secret_looking:
        assert not [line for line in lines if shown_token in line]


async def test_the_demo_plays_where_tokens_are_needed(guarded: Running) -> None:
    headers = {"authorization": f"Bearer {token(Scope.ADMIN)}"}
    async with httpx.AsyncClient(base_url=guarded.url, headers=headers) as client:
        assert (await client.post("/api/demo")).json() == {"started": True}
        hub = guarded.services.hub
        await until(lambda: bool(hub.sources.of(hub.channel("main"))))
    await guarded.services.demo.close()


async def test_on_loopback_a_token_is_not_looked_at(service: Running) -> None:
    said = await publish(service, silence(0.5), token="whatever")
    assert said.code == 1000
    with pytest.raises(Unauthorized):
        tokens.decode("s" * 40, "whatever")


async def test_the_extension_and_obs_are_told_links_that_can_only_view(guarded: Running) -> None:
    headers = {"authorization": f"Bearer {token(Scope.PUBLISH, 'stream')}"}
    async with connect(f"{guarded.sockets}/api/status", proxy=None, additional_headers=headers) as socket:
        links = json.loads(await socket.recv())["links"]
    assert list(links) == ["stream"]
    async with (
        httpx.AsyncClient(base_url=guarded.url, timeout=10) as client,
        client.stream("GET", "/api/channels/stream/obs", headers=headers) as feed,
    ):
        async for line in feed.aiter_lines():
            if (event := json.loads(line))["event"] == "state":
                break
    assert event["page"] == links["stream"]["overlay"]
    grant = tokens.decode(SECRET, httpx.URL(event["page"]).params["token"])
    assert (grant.scope, grant.channel) == (Scope.VIEW, "stream")


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_request_that_the_server_cancels_because_it_stops(kind: str) -> None:
    sent: list[Any] = []

    async def hang(*_: Any) -> None:
        await asyncio.sleep(3600)

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    parts = SimpleNamespace(hub=SimpleNamespace(stopping=True), authority=SimpleNamespace(guarded=False))
    app = SimpleNamespace(state=SimpleNamespace(services=parts))
    scope: dict[str, Any] = {"type": kind, "app": app, "headers": [], "extensions": {"websocket.http.response": {}}}
    running = asyncio.create_task(run_authorized(hang, PUBLIC, scope, receive, send))
    await asyncio.sleep(0)
    running.cancel()
    await running
    assert sent[0]["status"] == 503
    parts.hub.stopping = False
    running = asyncio.create_task(run_authorized(hang, PUBLIC, scope, receive, send))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
