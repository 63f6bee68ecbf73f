"""The addresses of clients."""

from __future__ import annotations

from starlette.requests import HTTPConnection


def get_address(connection: HTTPConnection) -> str:
    """The IP address of a client, without the port."""
    return connection.client.host if connection.client else "unknown"
