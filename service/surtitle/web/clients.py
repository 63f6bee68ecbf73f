"""Waiting for what a client sends, and naming it in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from starlette.requests import HTTPConnection

from surtitle.core.errors import TimedOut

T = TypeVar("T")


async def wait_for_client(
    receiving: Awaitable[T], timeout: float, expected: str, owner: asyncio.Future[None] | None
) -> T:
    """Wait for the next message or piece of a body, at most ``timeout`` seconds.

    ``owner`` ends the wait early: it fails when the client loses its source. Raises `TimedOut` and the error of
    ``owner``.
    """
    waiting: set[asyncio.Future[Any]] = {task := asyncio.ensure_future(receiving)}
    if owner is not None:
        waiting.add(owner)
    try:
        await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if owner is not None and owner.done():
            owner.result()
        if not task.done():
            raise TimedOut(f"Nothing arrived for {timeout:g} s: {expected} within that time.")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


def describe_peer(connection: HTTPConnection) -> str:
    client = connection.client
    return f"{client.host}:{client.port}" if client else "a client"
