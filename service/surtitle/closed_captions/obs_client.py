"""A client of obs-websocket 5, the server for remote control that OBS contains since version 28.

Only what captions need: it logs in, sends requests, and notes two events: the file of a recording, and the scene on
program. The protocol is described in obs-websocket's docs/generated/protocol.md.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

T = TypeVar("T")

_RPC_VERSION = 1
_SUBPROTOCOL = Subprotocol("obswebsocket.json")
_CLOSE_TIMEOUT = 1.0  # seconds to wait for OBS to close the connection
_AUTHENTICATION_FAILED, _UNSUPPORTED_RPC_VERSION = 4009, 4010  # close codes
_HELLO, _IDENTIFY, _IDENTIFIED, _EVENT, _REQUEST, _RESPONSE = 0, 1, 2, 5, 6, 7  # opcodes
_RESOURCE_NOT_FOUND = 600  # of RequestStatus
OUTPUT_EVENTS = 1 << 6
"""EventSubscription::Outputs, for `ObsClient.record_path`."""
SCENE_EVENTS = 1 << 2
"""EventSubscription::Scenes, for `ObsClient.program_scene`."""


class ObsError(Exception):
    """Base of the errors in this module."""

    def explain(self, host: str, port: int) -> str:
        """What happened at the address and what to do, in one sentence."""
        return (
            f"OBS does not answer at {host}:{port}: start OBS, and enable the server in its menu Tools, "
            "WebSocket Server Settings."
        )


class ObsUnreachable(ObsError):
    """Nothing answers at the address, the connection was lost, or OBS did not answer in time."""


class ObsUnsupported(ObsError):
    """What answers does not speak the protocol of OBS 28."""

    def explain(self, host: str, port: int) -> str:
        return f"What answers at {host}:{port} is not OBS 28 or newer: update OBS."


class ObsPasswordRefused(ObsError):
    """OBS refuses the password."""

    def explain(self, host: str, port: int) -> str:
        return "OBS refuses the password: copy it from OBS's menu Tools, WebSocket Server Settings."


class ObsRequestFailed(ObsError):
    """OBS cannot carry out a request; ``code`` is obs-websocket's RequestStatus."""

    def __init__(self, request: str, code: int, comment: str) -> None:
        super().__init__(f"{request}: {code} {comment}".rstrip())
        self.code = code

    @property
    def not_found(self) -> bool:
        """Whether OBS has no source, scene or item of that name."""
        return self.code == _RESOURCE_NOT_FOUND


@asynccontextmanager
async def connect_to_obs(
    host: str, port: int, password: str, timeout: float, events: int = OUTPUT_EVENTS
) -> AsyncIterator[ObsClient]:
    """Log in to OBS; closes the connection at the end.

    ``timeout`` is in seconds, for logging in and for each request. ``events`` are those that OBS is to send.
    Raises `ObsUnreachable`, `ObsUnsupported`, `ObsPasswordRefused`.
    """
    address = f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}"
    with _as_obs_error():
        connection = await connect(
            address,
            subprotocols=[_SUBPROTOCOL],
            open_timeout=timeout,
            close_timeout=_CLOSE_TIMEOUT,
            proxy=None,  # OBS runs on this computer or next to it
        )
    try:
        client = ObsClient(connection, timeout)
        await client.log_in(password, events)
        yield client
    finally:
        await connection.close()


class ObsClient:
    """A connection to OBS, for one task at a time: `request` must not be called again before it has returned."""

    def __init__(self, connection: ClientConnection, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout
        self._requests = 0
        self.record_path = ""
        """The file of the newest recording, as far as OBS has said."""
        self.program_scene = ""
        """The newest scene on program of which OBS has told."""

    async def log_in(self, password: str, events: int = OUTPUT_EVENTS) -> None:
        """Must be called once, before any request. Raises what `connect_to_obs` raises."""
        with _as_obs_error():
            try:
                async with asyncio.timeout(self._timeout):
                    hello = await self._receive(_HELLO, _Hello)
            except TimeoutError as error:
                raise ObsUnsupported("a WebSocket server that does not greet as obs-websocket 5 does") from error
            identify: dict[str, Any] = {"rpcVersion": _RPC_VERSION, "eventSubscriptions": events}
            if hello.authentication is not None:
                identify["authentication"] = hello.authentication.answer(password)
            async with asyncio.timeout(self._timeout):
                await self._send(_IDENTIFY, identify)
                await self._receive(_IDENTIFIED, dict)

    async def request(self, name: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request, and return the data of its response. Raises `ObsUnreachable`, `ObsRequestFailed`."""
        self._requests += 1
        number = str(self._requests)
        with _as_obs_error():
            async with asyncio.timeout(self._timeout):
                await self._send(_REQUEST, {"requestType": name, "requestId": number, "requestData": data or {}})
                response = await self._receive(_RESPONSE, _Response)
                while response.requestId != number:  # the response to a request that was cancelled
                    response = await self._receive(_RESPONSE, _Response)
        status = response.requestStatus
        if not status.result:
            raise ObsRequestFailed(name, status.code, status.comment)
        return response.responseData or {}

    async def wait_for_event(self, timeout: float) -> None:
        """Wait until an event was noted, for at most ``timeout`` seconds. Raises `ObsUnreachable`."""
        with _as_obs_error():
            try:
                async with asyncio.timeout(timeout):
                    await self._receive(_EVENT, _Event)
            except TimeoutError:
                return

    async def _send(self, opcode: int, data: dict[str, Any]) -> None:
        await self._connection.send(msgspec.json.encode({"op": opcode, "d": data}).decode())

    async def _receive(self, opcode: int, kind: type[T]) -> T:
        """The data of the next message with this opcode; others are skipped."""
        while True:
            message = msgspec.json.decode(await self._connection.recv(), type=_Message)
            if message.op == _EVENT:
                event = msgspec.json.decode(message.d, type=_Event)
                data = event.eventData or {}
                if event.eventType == "RecordStateChanged":
                    self.record_path = str(data.get("outputPath") or "")
                elif event.eventType == "CurrentProgramSceneChanged":
                    self.program_scene = str(data.get("sceneName") or "")
            if message.op == opcode:
                return msgspec.json.decode(message.d, type=kind)


class _Message(msgspec.Struct):
    op: int
    d: msgspec.Raw


class _Event(msgspec.Struct):
    eventType: str
    eventData: dict[str, Any] | None = None


class _Challenge(msgspec.Struct):
    challenge: str
    salt: str

    def answer(self, password: str) -> str:
        return _hash(_hash(password + self.salt) + self.challenge)


class _Hello(msgspec.Struct):
    authentication: _Challenge | None = None  # None if no password is set in OBS


class _Status(msgspec.Struct):
    result: bool
    code: int
    comment: str = ""


class _Response(msgspec.Struct):
    requestId: str
    requestStatus: _Status
    responseData: dict[str, Any] | None = None


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@contextmanager
def _as_obs_error() -> Iterator[None]:
    try:
        yield
    except ConnectionClosed as error:
        code = None if error.rcvd is None else error.rcvd.code
        if code == _AUTHENTICATION_FAILED:
            raise ObsPasswordRefused("OBS refuses the password") from error
        if code == _UNSUPPORTED_RPC_VERSION:
            raise ObsUnsupported("OBS does not speak version 1 of the protocol any more") from error
        raise ObsUnreachable(str(error)) from error
    except msgspec.DecodeError as error:
        raise ObsUnsupported(f"an answer that is not obs-websocket's: {error}") from error
    except (OSError, ValueError, WebSocketException) as error:  # ValueError: a name that no computer can have
        raise ObsUnreachable(_describe(error)) from error


def _describe(error: Exception) -> str:
    """Why there is no connection, as briefly as the system says it: asyncio adds the address."""
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
