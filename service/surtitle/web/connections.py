"""Connections before the application sees them: how many there may be, and how long one may say nothing.

uvicorn keeps a client for ever that connects and says nothing, or its headers byte by byte.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from surtitle.access.rate_limit import is_loopback, network
from surtitle.core.settings import Limits

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"connection: close\r\nretry-after: 10\r\ncontent-type: application/json\r\n\r\n"
    b'{"type":"error","code":"too_many","message":"Too many connections are open: close some, or try again later."}'
)


class ConnectionLimits:
    """Counts the open connections of one service."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._open: Counter[str] = Counter()
        self._all = 0
        self.refused = 0

    def enter(self, address: str) -> bool:
        """One more; False if there is no room. Those of this computer itself are not counted by address."""
        name, limits = network(address), self.limits
        crowded = self._open[name] >= limits.connections_per_address and not is_loopback(address)
        if crowded or self._all >= limits.connections:
            self.refused += 1
            return False
        self._open[name] += 1
        self._all += 1
        return True

    @property
    def open(self) -> int:
        return self._all

    def leave(self, address: str) -> None:
        self._open -= Counter([network(address)])
        self._all -= 1


def protocols(connection_limits: ConnectionLimits) -> tuple[type[H11Protocol], type[WebSocketsSansIOProtocol]]:
    """uvicorn's protocols with doors before them, for HTTP and, where that goes over into it, WebSocket."""

    class Http(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._late: asyncio.TimerHandle | None = None
            self._inside = connection_limits.enter(_address(self.client))
            if self._inside:
                self._expect()
            else:
                transport.write(_FULL)
                transport.close()

        def data_received(self, data: bytes) -> None:
            if not self._inside:
                return
            before = self.scope
            super().data_received(data)
            if self.scope is not before:
                self._forget()

        def send_400_response(self, msg: str) -> None:
            """Where an answer is under way, garbage after the request ends it: another answer would make no sense."""
            if self.cycle is None or self.cycle.response_complete:
                super().send_400_response(msg)
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.transport.close()

        def on_response_complete(self) -> None:
            before = self.scope
            super().on_response_complete()
            if self.scope is before:
                self._expect()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            if self._inside:
                connection_limits.leave(_address(self.client))
            super().connection_lost(exc)

        def _expect(self) -> None:
            """A whole request has to come in time."""
            if self._late is None:
                self._late = self.loop.call_later(connection_limits.limits.start_timeout, self._give_up)

        def _forget(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

        def _give_up(self) -> None:
            self._late = None
            if self.cycle is None or self.cycle.response_complete:
                self.transport.close()

    class Socket(WebSocketsSansIOProtocol):
        def connection_lost(self, exc: Exception | None) -> None:
            connection_limits.leave(_address(self.client))
            super().connection_lost(exc)

        def send_receive_event_to_app(self) -> None:
            """Text that is no UTF-8 closes the socket, as the standard wants, without a traceback in the log."""
            if self.curr_msg_data_type == "text" and not self.close_sent:
                try:
                    b"".join(self.frames).decode()
                except UnicodeDecodeError:
                    self.frames = []
                    self.conn.fail(1007, "text must be UTF-8")
                    self.handle_parser_exception()
                    return
            super().send_receive_event_to_app()

    return Http, Socket


def _address(client: tuple[str, int] | None) -> str:
    return client[0] if client else "unknown"
