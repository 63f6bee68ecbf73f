"""Limits on connections before the application sees them: their number, and the time a request may take to arrive.

uvicorn itself never disconnects a client that sends nothing, or sends its headers byte by byte.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.http11 import Request

from surtitle.access.rate_limit import get_network, is_in, is_loopback
from surtitle.core.errors import TooMany
from surtitle.core.settings import Limits
from surtitle.web.messages import error_message

_HANDSHAKE_HEADERS = (
    b"connection",
    b"host",
    b"origin",
    b"sec-websocket-extensions",
    b"sec-websocket-key",
    b"sec-websocket-version",
    b"upgrade",
)
_FULL_RESPONSE = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"connection: close\r\nretry-after: 10\r\ncontent-type: application/json\r\n\r\n"
) + msgspec.json.encode(error_message(TooMany("Too many connections are open: close some, or try again later.")))


class ConnectionLimits:
    """Counts the open connections of one service.

    Those of its own computer and of ``proxies``, addresses or networks, are not limited by their address: all clients
    share it.
    """

    def __init__(self, limits: Limits, proxies: Sequence[str] = ()) -> None:
        self.limits = limits
        self._proxies = proxies
        self._open: Counter[str] = Counter()
        self._all = 0
        self.refused = 0

    def enter(self, address: str) -> bool:
        """Count a new connection; False if it exceeds a limit."""
        name, limits = get_network(address), self.limits
        address_full = self._open[name] >= limits.connections_per_address
        if (
            address_full and not is_loopback(address) and not is_in(address, self._proxies)
        ) or self._all >= limits.connections:
            self.refused += 1
            return False
        self._open[name] += 1
        self._all += 1
        return True

    @property
    def open(self) -> int:
        return self._all

    def leave(self, address: str) -> None:
        """Count a connection that was closed."""
        self._open -= Counter([get_network(address)])
        self._all -= 1


def protocols(connection_limits: ConnectionLimits) -> tuple[type[H11Protocol], type[WebSocketsSansIOProtocol]]:
    """uvicorn's HTTP protocol, and the WebSocket protocol that connections upgrade to, with these limits applied."""

    class Http(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._timer: asyncio.TimerHandle | None = None
            self._admitted = connection_limits.enter(_address(self.client))
            if self._admitted:
                self._start_timer()
            else:
                transport.write(_FULL_RESPONSE)
                transport.close()

        def data_received(self, data: bytes) -> None:
            if not self._admitted:
                return
            before = self.scope
            super().data_received(data)
            if self.scope is not before:
                self._cancel_timer()

        def send_400_response(self, msg: str) -> None:
            """Close the connection if garbage follows a request that is being answered.

            The response has begun, so a second one with status 400 would corrupt it.
            """
            if self.cycle is None or self.cycle.response_complete:
                super().send_400_response(msg)
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.transport.close()

        def handle_websocket_upgrade(self, event: Any) -> None:
            """Let websockets parse only what it needs for the handshake: it refuses long lines and many headers."""
            self.connections.discard(self)
            protocol = Socket(self.config, self.server_state, self.app_state)
            headers = [(name.decode("ascii"), value.decode("latin-1")) for name, value in self.headers]
            protocol.full_request = Request(event.target.decode("ascii"), Headers(headers))
            head = b"%s / HTTP/1.1\r\n" % event.method
            head += b"".join(b"%s: %s\r\n" % field for field in self.headers if field[0] in _HANDSHAKE_HEADERS)
            protocol.connection_made(self.transport)
            protocol.data_received(head + b"\r\n")
            self.transport.set_protocol(protocol)

        def on_response_complete(self) -> None:
            before = self.scope
            super().on_response_complete()
            if self.scope is before:
                self._start_timer()

        def connection_lost(self, exc: Exception | None) -> None:
            self._cancel_timer()
            if self._admitted:
                connection_limits.leave(_address(self.client))
            super().connection_lost(exc)

        def _start_timer(self) -> None:
            """Close the connection unless a complete request arrives in time."""
            if self._timer is None:
                self._timer = self.loop.call_later(connection_limits.limits.start_timeout, self._close_idle)

        def _cancel_timer(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _close_idle(self) -> None:
            self._timer = None
            if self.cycle is None or self.cycle.response_complete:
                self.transport.close()

    class Socket(WebSocketsSansIOProtocol):
        heard_at = 0.0  # when the last bytes arrived, by the loop's clock
        full_request: Request | None = None

        def data_received(self, data: bytes) -> None:
            self.heard_at = self.loop.time()
            super().data_received(data)
            if self.conn.handshake_exc is not None and not self.handshake_initiated:
                self.transport.write(b"".join(self.conn.data_to_send()))  # which uvicorn does not send
                self.transport.close()

        def handle_connect(self, event: Request) -> None:
            super().handle_connect(self.full_request or event)

        def keepalive_timeout(self) -> None:
            """Keep a client that sends audio faster than it is recognized: its answer comes after that audio."""
            timeout = self.ping_timeout or 0.0
            if self.read_paused or self.loop.time() - self.heard_at < timeout:
                self.pong_timer = self.loop.call_later(timeout, self.keepalive_timeout)
            else:
                super().keepalive_timeout()

        def connection_lost(self, exc: Exception | None) -> None:
            connection_limits.leave(_address(self.client))
            super().connection_lost(exc)

        async def send(self, message: Any) -> None:
            """Note that a refusal by an HTTP status completes the handshake: uvicorn 0.54 logs an error otherwise.

            Sending to a client that has gone fails at once. uvicorn notices only when the event loop comes round, and
            asyncio warns of each message that is written until then.
            """
            if self.transport.is_closing():
                self.handshake_complete = True
                raise ClientDisconnected
            await super().send(message)
            if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
                self.handshake_complete = True

        def send_receive_event_to_app(self) -> None:
            """Close the socket on text that is not UTF-8, as RFC 6455 requires, without a traceback in the log."""
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
