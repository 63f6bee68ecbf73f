"""Messages are read before they are asked for, within a bound, and none is lost or comes twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.websockets import WebSocket

from surtitle.web.compat.read_ahead import Inbox, ReadAhead
from surtitle.web.messages import refuse
from surtitle.web.sockets import accept, run_socket


class Client:
    """What a client sends, and how many of its messages were read."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self._messages = messages
        self.read = 0

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        if self.read == len(self._messages):
            await asyncio.Event().wait()
        self.read += 1
        return self._messages[self.read - 1]


def audio(*sizes: int) -> list[dict[str, Any]]:
    return [{"type": "websocket.receive", "bytes": bytes(size)} for size in sizes]


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_only_so_much_is_read_ahead() -> None:
    client = Client(*audio(60, 60, 60, 60))
    inbox = Inbox(client.receive, max_bytes=100)
    reading = asyncio.create_task(inbox.run())
    await settled()
    assert client.read == 2
    sizes = []
    for _ in range(4):
        sizes.append(len((await inbox.receive())["bytes"]))
        await settled()
    assert (sizes, client.read) == ([60] * 4, 4)
    reading.cancel()


async def test_a_client_that_is_gone_is_noticed_before_its_audio_is_used() -> None:
    client = Client(*audio(60, 60), {"type": "websocket.disconnect", "code": 1006})
    inbox = Inbox(client.receive, max_bytes=1000)
    await asyncio.wait_for(inbox.run(), 10)
    assert await inbox.receive() == {"type": "websocket.disconnect", "code": 1006}


async def test_a_client_that_is_gone_before_it_is_accepted(caplog: pytest.LogCaptureFixture) -> None:
    client = Client({"type": "websocket.connect"}, *audio(60), {"type": "websocket.disconnect", "code": 1006})

    async def send(message: Any) -> None:
        raise OSError

    async def serve(websocket: WebSocket) -> None:
        await settled()  # opening a source takes a moment
        await accept(websocket)

    async def endpoint(websocket: WebSocket) -> None:
        await run_socket(websocket, serve, refuse)

    await ReadAhead(endpoint)({"type": "websocket", "headers": []}, client.receive, send)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_waiting_can_be_given_up() -> None:
    client = Client()
    inbox = Inbox(client.receive)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(inbox.receive(), 0.01)
    client._messages = tuple(audio(1))
    client.read = 0
    reading = asyncio.create_task(inbox.run())
    assert len((await inbox.receive())["bytes"]) == 1
    reading.cancel()
