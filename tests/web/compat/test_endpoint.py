"""What all protocols share: the language that a client names, and how their connections end with the service."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from surtitle.core.settings import Access, Limits
from surtitle.core.wire.models import ModelProgress
from surtitle.models.engines import Engines
from tests.support import free_port, running
from tests.web.compat.clients import SECRET, token

GERMAN = '{"type":"session.update","session":{"audio":{"input":{"transcription":{"language":"de"}}}}}'


async def test_a_language_is_checked_as_soon_as_the_model_is_loaded() -> None:
    async with running() as service, connect(f"{service.sockets}/v1/realtime", proxy=None) as socket:
        await socket.recv()
        await asyncio.wait_for(service.services.engines.current(), 60)
        loading = service.services.engines._local
        loading.clear()
        await socket.send(GERMAN)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.2)
        loading.set()
        error = json.loads(await asyncio.wait_for(socket.recv(), 60))["error"]
    assert error["type"] == "invalid_request_error"
    assert "German" in error["message"]


async def test_no_other_language_is_recognized_while_a_model_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = ModelProgress(model="base", state="fetching", done=0.5, message="")  # type: ignore[typeddict-item]
    monkeypatch.setattr(Engines, "loading", progress)
    async with running() as service:
        with pytest.raises(InvalidStatus) as refusal:
            await connect(f"{service.sockets}/v1/listen?encoding=linear16&sample_rate=16000&language=de", proxy=None)
        assert refusal.value.response.status_code == 503
        assert int(refusal.value.response.headers["retry-after"]) > 0
        async with connect(f"{service.sockets}/v1/realtime", proxy=None) as socket:
            await socket.recv()
            await socket.send(GERMAN.replace('"de"', '"en"'))
            assert json.loads(await socket.recv())["type"] == "session.updated"
            await socket.send(GERMAN)
            assert "still being loaded" in json.loads(await socket.recv())["error"]["message"]
            await asyncio.wait_for(socket.wait_closed(), 60)
        assert socket.close_code == 1011


async def test_a_message_may_be_a_whole_file() -> None:
    async with running(Limits(frame_bytes=10_000)) as service:
        path, sound = f"{service.sockets}/v1/listen?encoding=linear16&sample_rate=16000", bytes(200_000)
        async with connect(path, proxy=None) as socket, asyncio.timeout(60):
            await socket.send(sound)
            await socket.send('{"type":"CloseStream"}')
            *_, last = [json.loads(message) async for message in socket]
        assert (last["type"], last["duration"]) == ("Metadata", 6.25)
        async with connect(f"{service.sockets}/v1/realtime", proxy=None) as socket, asyncio.timeout(60):
            audio = base64.b64encode(sound).decode()
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
            await socket.send('{"type":"input_audio_buffer.clear"}')
            assert [json.loads(await socket.recv())["type"] for _ in range(2)] == [
                "session.created",
                "input_audio_buffer.cleared",
            ]
        for path in ("/asr?language=English", "/vosk"):
            async with connect(service.sockets + path, proxy=None) as socket, asyncio.timeout(60):
                await socket.send(sound)
                await socket.send(b"" if path != "/vosk" else '{"eof" : 1}')
                messages = [json.loads(message) async for message in _until_closed(socket, 3)]
            assert not any("error" in message for message in messages)


PAGE = "https://page.example"


@pytest.mark.parametrize("prefix", ["", "/api/channels/stage"])
@pytest.mark.parametrize(
    ("path", "method"), [("/v1/models", "GET"), ("/v1/audio/transcriptions", "POST"), ("/v1/listen", "POST")]
)
async def test_scripts_of_allowed_pages_may_use_the_interfaces_for_files(
    tmp_path: Path, prefix: str, path: str, method: str
) -> None:
    async with (
        running(allow_origin=(PAGE,), access=Access(SECRET, require_token=True), data_dir=tmp_path) as service,
        httpx.AsyncClient(base_url=service.url) as client,
    ):
        wanted = {"access-control-request-method": method, "access-control-request-headers": "authorization,x-one"}
        answer = await client.options(prefix + path, headers={"origin": PAGE, **wanted})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, PAGE)
        assert answer.headers["access-control-allow-methods"] == method
        assert answer.headers["access-control-allow-headers"] == "authorization,x-one"
        for given in ("wrong", token()):
            headers = {"origin": PAGE, "authorization": f"Bearer {given}"}
            answer = await client.request(method, prefix + path, headers=headers)
            assert answer.status_code == (401 if given == "wrong" else 400 if method == "POST" else 200)
            assert answer.headers["access-control-allow-origin"] == PAGE
            assert answer.headers["vary"] == "origin"
        for wrong in ("https://other.example", "null"):
            answer = await client.options(prefix + path, headers={"origin": wrong, **wanted})
            assert answer.status_code == 403
            assert "access-control-allow-origin" not in answer.headers
        for own in ("/api/channels", "/healthz"):
            answer = await client.get(own, headers={"origin": PAGE, "authorization": f"Bearer {token()}"})
            assert answer.status_code == 200
            assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("prefix", ["", "/api/channels/stage"])
async def test_what_does_not_exist_is_answered_as_by_the_other_service(prefix: str) -> None:
    async with running() as service, httpx.AsyncClient(base_url=service.url + prefix) as client:
        for method, path, status, part in (
            ("POST", "/v1/chat/completions", 404, "recognizes"),
            ("GET", "/v1/audio/transcriptions", 405, "use POST"),
            ("GET", "/v1/realtime", 405, "wss://"),
        ):
            answer = await client.request(method, path)
            assert answer.status_code == status
            assert part in answer.json()["error"]["message"]
        for path in ("/asr", "/vosk", "/audio" if prefix else "/stt"):
            answer = await client.get(path)
            assert answer.status_code == 405
            assert "use POST" in answer.json()["message"] or "wss://" in answer.json()["message"]


@pytest.mark.parametrize("path", ["/v1/realtime", "/v1/realtime/translations", "/v1/listen", "/vosk", "/asr"])
async def test_a_restart_has_a_code_after_which_clients_connect_again(path: str) -> None:
    async with running() as service, connect(f"{service.sockets}{path}", proxy=None) as socket:
        pong = await socket.ping()
        await asyncio.wait_for(pong, 60)
        service.server.should_exit = True
        async with asyncio.timeout(60):
            messages = [message async for message in _until_closed(socket)]
    assert socket.close_code == 1012
    if path.startswith("/v1/realtime"):
        assert [json.loads(message)["type"] for message in messages] == ["session.created"]


async def test_a_restart_ends_connections_at_the_port_of_vosk() -> None:
    port = free_port()
    async with running(vosk_port=port) as service, connect(f"ws://127.0.0.1:{port}", proxy=None) as socket:
        await socket.send(bytes(3200))
        await asyncio.wait_for(socket.recv(), 60)
        service.server.should_exit = True
        await asyncio.wait_for(socket.wait_closed(), 60)
    assert socket.close_code == 1012


async def _until_closed(socket: ClientConnection, limit: int = 1000) -> AsyncIterator[str | bytes]:
    with suppress(ConnectionClosed):
        for _ in range(limit):
            yield await socket.recv()
