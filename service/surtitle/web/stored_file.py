"""Passes files from the storage of recordings on to clients, also in parts, as players ask for them."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from surtitle.recordings.sessions import StoredFile

_BLOCK = 1 << 20  # bytes that are read at once
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


async def stored_file_response(
    request: Request, file: StoredFile, media_type: str, headers: dict[str, str]
) -> Response:
    """The file, or the range that the request asks for; several ranges are answered by the whole file.

    Raises `StorageError`.
    """
    tag = f'"{hashlib.sha256(f"{file.key} {file.size}".encode()).hexdigest()[:32]}"'
    headers = {**headers, "accept-ranges": "bytes", "etag": tag, "content-type": media_type}
    wanted = request.headers.get("range", "") if request.headers.get("if-range", tag) == tag else ""
    start, end, status = 0, file.size, 200
    if (match := _RANGE.fullmatch(wanted.strip())) is not None and any(match.groups()):
        first, last = match.groups()
        start = int(first) if first else max(0, file.size - int(last))
        end = min(file.size, int(last) + 1) if first and last else file.size
        if start >= end:
            return Response(status_code=416, headers={**headers, "content-range": f"bytes */{file.size}"})
        headers["content-range"] = f"bytes {start}-{end - 1}/{file.size}"
        status = 206
    headers["content-length"] = str(end - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    begin = await _read(file, start, end)  # before the answer begins, because this may fail
    return StreamingResponse(_stream(file, begin, start, end), status, headers)


async def _stream(file: StoredFile, block: bytes, at: int, end: int) -> AsyncIterator[bytes]:
    while block:
        yield block
        at += len(block)
        block = await _read(file, at, end) if at < end else b""


async def _read(file: StoredFile, start: int, end: int) -> bytes:
    return await asyncio.to_thread(file.storage.read, file.key, start, min(end, start + _BLOCK))
