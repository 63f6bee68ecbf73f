"""Connections of clients that the service holds back."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from surtitle.core.settings import Limits
from surtitle.web.connections import ConnectionLimits, protocols


@pytest_asyncio.fixture
async def socket(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A socket whose ping was not answered for 20 s, and which notes whether it was given up."""
    _, protocol = protocols(ConnectionLimits(Limits()))
    found: Any = protocol.__new__(protocol)
    found.loop, found.read_paused, found.ping_timeout, found.lost = asyncio.get_running_loop(), False, 20.0, False
    found.pong_timer = None
    found.heard_at = found.loop.time() - 30.0
    monkeypatch.setattr(WebSocketsSansIOProtocol, "keepalive_timeout", lambda self: setattr(self, "lost", True))
    return found


async def test_nothing_is_written_to_a_client_that_has_gone(socket: Any) -> None:
    """asyncio would warn of each message."""
    socket.transport = SimpleNamespace(is_closing=lambda: True)
    with pytest.raises(ClientDisconnected):
        await socket.send({"type": "websocket.send", "text": "a caption"})


async def test_a_client_that_answers_no_ping_is_given_up(socket: Any) -> None:
    socket.keepalive_timeout()
    assert socket.lost


@pytest.mark.parametrize("held_back", [True, False])
async def test_a_client_whose_answer_waits_behind_its_audio_is_kept(socket: Any, held_back: bool) -> None:
    if held_back:
        socket.read_paused = True
    else:
        socket.heard_at = socket.loop.time() - 1.0
    socket.keepalive_timeout()
    assert not socket.lost
    assert 19.0 < socket.pong_timer.when() - socket.loop.time() <= 20.0
    socket.pong_timer.cancel()


def test_a_trusted_proxy_may_have_the_connections_of_many_clients() -> None:
    limits = ConnectionLimits(Limits(connections=8, connections_per_address=2), ["10.0.0.2", "172.30.1.0/24"])
    for address, expected in (("10.0.0.1", 2), ("10.0.0.2", 3), ("172.30.1.7", 3)):
        assert sum(limits.enter(address) for _ in range(3)) == expected
    assert not limits.enter("10.0.0.3"), "the limit of all connections holds for everybody"
