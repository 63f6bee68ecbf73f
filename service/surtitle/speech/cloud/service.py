"""A cloud as something to connect to: opens connections, and turns what libraries raise into sentences."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException

from surtitle.speech.cloud.protocol import Cloud, Message, Ready, Session
from surtitle.speech.engine import Hints

_OPEN_TIMEOUT = 6.0  # seconds
_GREET_TIMEOUT = 15.0  # seconds; another Surtitle may be loading its model
_SEND_TIMEOUT = 10.0  # seconds
_CLOSE_TIMEOUT = 1.0  # seconds
_PING_INTERVAL, _PING_TIMEOUT = 10.0, 10.0  # seconds
_MAX_MESSAGE = 1 << 20  # bytes
_MAX_QUEUE = 64  # messages that are received and not handled yet

_WIRE_LOG = logging.getLogger("surtitle.cloud.wire")
_WIRE_LOG.setLevel(logging.WARNING)  # at lower levels the library logs headers, and so the key


class CloudService:
    """A cloud with its model: opens connections to it."""

    def __init__(self, cloud: Cloud, *, local: bool) -> None:
        """``local`` is whether it is on this computer, so that no proxy leads to it."""
        self.cloud = cloud
        self.name = cloud.title
        self._local = local

    @asynccontextmanager
    async def connect(self, language: str, hints: Hints) -> AsyncIterator[tuple[ClientConnection, Session]]:
        """A connection to which audio may be sent. Raises `CloudError`."""
        with self.as_cloud_error():
            connection = await _Connect(
                self.cloud.address(language, hints),
                additional_headers=dict(self.cloud.headers()),
                compression=None,
                proxy=None if self._local else True,
                open_timeout=_OPEN_TIMEOUT,
                close_timeout=_CLOSE_TIMEOUT,
                ping_interval=_PING_INTERVAL,
                ping_timeout=_PING_TIMEOUT,
                max_size=_MAX_MESSAGE,
                max_queue=_MAX_QUEUE,
                logger=_WIRE_LOG,
            )
        try:
            session = self.cloud.open(language, hints)
            with self.as_cloud_error():
                async with asyncio.timeout(_GREET_TIMEOUT):
                    await self._greet(connection, session)
            yield connection, session
        finally:
            await connection.close()

    async def send(self, connection: ClientConnection, messages: Sequence[Message]) -> None:
        """Raises `TimeoutError`, `ConnectionClosed`."""
        for message in messages:
            async with asyncio.timeout(_SEND_TIMEOUT):
                await connection.send(message)

    async def _greet(self, connection: ClientConnection, session: Session) -> None:
        await self.send(connection, session.greet())
        while session.awaits_ready:
            if any(isinstance(event, Ready) for event in session.parse(await connection.recv())):
                return

    @contextmanager
    def as_cloud_error(self) -> Iterator[None]:
        """Raises `CloudError` for what the libraries raise."""
        try:
            yield
        except InvalidStatus as error:
            response = error.response
            retry_after = _parse_seconds(response.headers.get("Retry-After"))
            raise self.cloud.explain(response.status_code, bytes(response.body or b""), retry_after) from None
        except ConnectionClosed as error:
            close = error.rcvd
            if close is None:
                raise self.name.disconnected() from None
            raise self.cloud.explain_close(close.code, close.reason) from None
        except TimeoutError:
            raise self.name.silent() from None
        except ssl.SSLError as error:
            raise self.name.unreachable(f"its certificate is not accepted: {error.reason}") from None
        except OSError as error:
            raise self.name.unreachable(_describe(error)) from None
        except (InvalidHandshake, WebSocketException, UnicodeError):  # UnicodeError: a name that no computer can have
            raise self.name.not_understood() from None


class _Connect(connect):
    """Follows no redirect: sound is sent to the address that was set, and nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def _parse_seconds(value: Any) -> float | None:
    """The seconds of a Retry-After header; None for a date or nonsense."""
    return float(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def _describe(error: OSError) -> str:
    """The reason as briefly as the system says it: asyncio adds the address."""
    if error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__
