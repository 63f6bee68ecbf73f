from __future__ import annotations

import json
import socket

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from surtitle.access import tokens
from surtitle.access.tokens import EVERY, Scope
from surtitle.core.settings import Access, Settings
from tests.support import Running, listen, running

PATHS = ("/", "/healthz", "/api/channels", "/overlay/main", "/api/channels/main/transcript.json")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "", "[::1"])
async def test_a_rebinding_host_gets_nothing(service: Running, host: str) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        for path in PATHS:
            answer = await client.get(path, headers={"host": host})
            assert answer.status_code in (400, 403)
            assert "main" not in answer.text


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"]
)
@pytest.mark.parametrize("path", ["/stt", "/api/channels/main/audio", "/api/channels/main/captions", "/api/status"])
async def test_a_foreign_page_cannot_use_the_sockets(service: Running, origin: str, path: str) -> None:
    async with connect(service.sockets + path, origin=Origin(origin), proxy=None) as socket:
        said = await listen(socket)
    assert (said.error, said.code) == ("forbidden", 4403)
    assert len(said.messages) == 1


@pytest.mark.parametrize(
    ("path", "origin", "status", "field"),
    [
        ("/v1/listen", "https://evil.example", 403, "err_code"),
        ("/v1/realtime", "https://evil.example", 403, "error"),
        ("/api/channels/a/v1/realtime/translations", "https://evil.example", 403, "error"),
        ("/asr", "https://evil.example", 403, None),
        ("/vosk", "https://evil.example", 403, None),
        ("/v2/listen", None, 404, "err_code"),
        ("/api/channels/no%20name/vosk", None, 404, None),
        ("/api/channels/no%20name/asr", None, 404, None),
        ("/api/channels/no%20name/v1/listen", None, 404, "err_code"),
        ("/api/channels/no%20name/v1/realtime", None, 404, "error"),
    ],
)
async def test_clients_of_other_programs_are_refused_before_the_handshake(
    service: Running, path: str, origin: str | None, status: int, field: str | None
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(service.sockets + path, proxy=None, origin=Origin(origin) if origin else None)
    answer = refused.value.response
    assert answer.status_code == status
    assert field is None or field in json.loads(answer.body)


async def test_a_foreign_page_cannot_post(service: Running) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        for path in ("/api/demo", "/api/channels/main/audio", "/api/channels/main/clear"):
            answer = await client.post(path, headers={"origin": "https://evil.example"})
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("origin", [None, "chrome-extension://abcdefghijklmnop", "same"])
async def test_own_pages_and_extensions_are_allowed(service: Running, origin: str | None) -> None:
    origin = service.url if origin == "same" else origin
    async with connect(f"{service.sockets}/stt", origin=Origin(origin) if origin else None, proxy=None) as socket:
        await socket.send('{"op":"start"}')
        assert json.loads(await socket.recv())["type"] == "ready"


async def test_pages_have_a_strict_policy(service: Running) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        for path in ("/", "/overlay/main", "/view/main", "/healthz"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self';" in policy
            # OBS writes "Custom CSS" into the overlay as a style element
            assert (
                policy.count("unsafe") == ("style-src 'unsafe-inline' 'self';" in policy) == (path == "/overlay/main")
            )
            assert headers["x-content-type-options"] == "nosniff"


SECRET = "a secret that nobody guesses, of this test"
PUBLIC = Access(SECRET, public_url="https://captions.example")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("captions.example", 401),
        ("127.0.0.1:8000", 401),
        ("localhost", 401),
        ("192.168.1.7:8000", 401),
        ("[2001:db8::1]:8000", 401),
        (socket.gethostname(), 401),
        ("evil.example", 403),
        ("captions.example.evil.example", 403),
        ("192.168.1.7.evil.example", 403),
        ("0x7f000001", 403),
        ("", 403),
    ],
)
async def test_names_by_which_a_guarded_service_is_known(host: str, status: int) -> None:
    """An address in numbers, and a name of its own, cannot be made to mean another computer."""
    async with running(access=PUBLIC) as service, httpx.AsyncClient(base_url=service.url) as client:
        assert (await client.get("/api/channels", headers={"host": host})).status_code in (status, 400)


async def test_a_guarded_service_keeps_foreign_pages_out_whatever_they_know() -> None:
    token = tokens.issue(SECRET, Scope.ADMIN, EVERY, 60).token
    async with running(access=PUBLIC) as service, httpx.AsyncClient(base_url=service.url) as client:
        own, public = service.url, "https://captions.example"  # the latter from a proxy that passes on its own Host
        for origin, status in (("https://evil.example", 403), ("null", 403), (own, 200), (public, 200)):
            headers = {"origin": origin, "authorization": f"Bearer {token}"}
            assert (await client.post("/api/channels/main/clear", headers=headers)).status_code == status
        async with connect(f"{service.sockets}/api/status?token={token}", origin=Origin("null"), proxy=None) as socket:
            assert (await listen(socket)).code == 4403


async def test_a_proxy_before_a_service_that_wants_no_tokens_is_noticed(service: Running) -> None:
    """Else the whole internet would be let in as this computer's own program."""
    async with httpx.AsyncClient(base_url=service.url) as client:
        for name in ("X-Forwarded-For", "Forwarded"):
            answer = await client.get("/api/channels", headers={name: "for=203.0.113.7"})
            assert answer.status_code == 403
            assert "--public-url" in answer.json()["message"]


def test_what_is_guarded() -> None:
    for settings, guarded in (
        (Settings(), False),
        (Settings(host="::1"), False),
        (Settings(access=Access(public_url="http://localhost:9000")), False),
        (Settings(host="0.0.0.0"), True),
        (Settings(host="192.168.1.7"), True),
        (Settings(access=Access(public_url="https://captions.example")), True),
        (Settings(access=Access(trust_proxy=("127.0.0.1",))), True),
        (Settings(access=Access(require_token=True)), True),
    ):
        assert settings.guarded == guarded


@pytest.mark.parametrize(
    "path",
    [
        "/static/../cli.py",
        "/static/..%2f..%2fcli.py",
        "/static/%2e%2e/%2e%2e/cli.py",
        "/static/overlay/..%5c..%5csurtitle_obs.py",
        "/static/overlay/../surtitle_obs.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/demo/....//....//cli.py",
        "/view/..%2f..%2fetc%2fpasswd",
        "/api/channels/..%2f..%2fsurtitle.db/transcript.txt",
        "/api/channels/main/transcript.%2e%2e%2f",
        "/api/channels/main/styles/..%2f..%2fx",
    ],
)
async def test_paths_lead_nowhere_else(service: Running, path: str) -> None:
    async with httpx.AsyncClient() as client:
        for method in ("GET", "PUT", "DELETE"):
            request = client.build_request(method, service.url, content=b"{}")
            request.url = request.url.copy_with(raw_path=path.encode())
            answer = await client.send(request)
            assert answer.status_code in (400, 403, 404, 405)
            for secret in ("import ", "root:", "SQLite"):
                assert secret not in answer.text


@pytest.mark.parametrize("where", ["source=%s", "lang=%s", "resume=%s", "format=%s", "token=%s", "ticket=%s"])
async def test_no_header_is_slipped_in(service: Running, where: str) -> None:
    evil = "x%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0a<script>"
    async with httpx.AsyncClient(base_url=service.url) as client:
        answer = await client.post(f"/api/channels/main/audio?{where % evil}", content=b"\0\0")
        assert "evil" not in str(answer.headers)
        for path in (f"/view/main?hl={evil}", f"/view/{evil}", f"/overlay/main?{where % evil}", f"/{evil}"):
            answer = await client.get(path)
            assert "evil" not in str(answer.headers)
            assert "<script>" not in answer.text or answer.headers["content-type"] == "application/json"


async def test_names_reach_readers_as_one_line_of_json(service: Running) -> None:
    """In an event stream a line break would begin another event."""
    evil = "Host\r\nevent: clear\r\ndata: {}\n\n\x00\x1b[2J"
    async with (
        httpx.AsyncClient(base_url=service.url, timeout=10) as client,
        client.stream("GET", "/api/channels/lines/captions") as events,
        service.publisher("lines") as source,
    ):
        await source.send(json.dumps({"op": "start", "source": evil}))
        name = json.loads(await source.recv())["source"]
        assert name.isprintable()
        lines = events.aiter_lines()
        event = dict([(await anext(lines)).split(": ", 1) for _ in range(3)])
        assert event["event"] == "status"
        assert json.loads(event["data"])["source"] == name
