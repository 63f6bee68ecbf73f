"""What `surtitle ingest` and `surtitle listen` make of a service that ends their source."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from surtitle.audio import RATE
from surtitle.ingest.publish_sink import PublishSink

FULL = "This service is full: try again later."


@pytest.mark.parametrize(("code", "told"), [("too_long", []), ("too_many", [FULL])])
async def test_a_source_that_ends_because_of_its_length_continues_without_a_word(code: str, told: list[str]) -> None:
    starts: list[dict[str, Any]] = []
    losses: list[str] = []
    messages: list[str] = []

    async def answer(socket: ServerConnection) -> None:
        starts.append(json.loads(await socket.recv()))
        await socket.send(json.dumps({"type": "ready", "resume": "r-1", "resumed": len(starts) > 1, "received": 0}))
        if len(starts) == 1:
            await socket.recv()
            await socket.send(json.dumps({"type": "error", "code": code, "message": FULL}))
            return
        async for data in socket:
            if data == '{"op":"end"}':
                await socket.send(json.dumps({"type": "final", "text": "hello"}))
                return

    async with serve(answer, "127.0.0.1", 0) as server, asyncio.timeout(30):
        port = next(iter(server.sockets)).getsockname()[1]
        address = f"ws://127.0.0.1:{port}/api/channels/main/audio"
        sink = PublishSink(address, {}, lambda message: messages.append(message["type"]), losses.append)
        await sink.begin(0.0, False)
        while len(starts) < 2:
            await sink.put(0.0, np.zeros((RATE // 10, 1), dtype=np.float32), RATE)
            await asyncio.sleep(0.01)
        await sink.end()
    assert [loss for loss in losses if loss] == told
    assert starts[1]["resume"] == "r-1"
    assert "final" in messages
