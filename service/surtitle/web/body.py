"""The JSON bodies of requests: of a limited size, within a limited time, decoded into a type."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec
from starlette.requests import Request

from surtitle.core.errors import BadRequest, TooLarge

MAX_TEXT_BYTES = 8 << 10
MAX_BODY_BYTES = 1 << 20  # larger than the largest vocabulary, however its JSON is escaped
_BODY_TIMEOUT = 10.0  # seconds a request's body may take to arrive

T = TypeVar("T")


async def read_json(request: Request, kind: type[T], noun: str, example: str, *, empty: T | None = None) -> T:
    """Read a request's body and decode it into ``kind``; an empty body gives ``empty``, if that is not None.

    Errors name the body by ``noun``, which begins their sentence, such as "A style", and quote the JSON ``example``.
    Raises `TooLarge`, `BadRequest`.
    """
    body = await _read_body(request, noun, MAX_BODY_BYTES)
    if not body and empty is not None:
        return empty
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f"{noun} must be JSON like {example}: {error}.") from error


async def read_text(request: Request, noun: str) -> str:
    """Read a request's body as UTF-8; bytes that are not become U+FFFD. Errors name it by ``noun``.

    Raises `TooLarge`, `BadRequest`.
    """
    return (await _read_body(request, noun, MAX_TEXT_BYTES)).decode(errors="replace")


async def _read_body(request: Request, noun: str, max_bytes: int) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            async for data in request.stream():
                body += data
                if len(body) > max_bytes:
                    raise TooLarge(f"{noun} may have at most {max_bytes} bytes: send less.")
    except TimeoutError as error:
        raise BadRequest(f"{noun} must arrive within {_BODY_TIMEOUT:g} s: send the request again.") from error
    return bytes(body)
