"""What all protocols share: the language that a client names, and how their connections end with the service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from surtitle.core.wire import ModelProgress
from surtitle.models.engines import Engines
from tests.support import free_port, running

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


async def _until_closed(socket: ClientConnection) -> AsyncIterator[str | bytes]:
    with suppress(ConnectionClosed):
        while True:
            yield await socket.recv()
