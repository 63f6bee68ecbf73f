"""What all models of the pool have in common: an ASGI application that reads requests and writes answers."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request as HTTPRequest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from surtitle.core.errors import SurtitleError
from surtitle.inference.refusal import Refused
from surtitle.inference.request_queue import RequestQueue
from surtitle.pool.messages import CONTENT_TYPE, INFO, MAX_REQUEST, ModelInfo, Request, encode

log = logging.getLogger("surtitle.inference")


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of request, and the work that answers it, which is done in a thread. It raises ValueError, `EngineError`.

    ``work`` is given the request, and returns its answer.
    """

    request: type[Request]
    work: Callable[[Any], msgspec.Struct]


class Replica:
    """One loaded model, below any path: only the last part of the path, the task, counts."""

    def __init__(self, info: ModelInfo, tasks: Mapping[str, Task], queue: RequestQueue, token: str) -> None:
        """``token`` is the secret that requests need, "" for none."""
        self._info = info
        self._tasks = tasks
        self._queue = queue
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.respond(HTTPRequest(scope, receive))
        await response(scope, receive, send)

    async def respond(self, request: HTTPRequest) -> Response:
        """The response to an HTTP request, whatever happens."""
        try:
            answer, status = await self._answer(request), 200
        except Refused as error:
            answer, status = error.problem, error.status
        return Response(encode(answer), status, media_type=CONTENT_TYPE)

    def close(self) -> None:
        self._queue.close()

    async def _answer(self, request: HTTPRequest) -> msgspec.Struct:
        """Raises `Refused`."""
        self._check_token(request)
        name = request.url.path.rpartition("/")[2]
        if name == INFO:
            return self._info
        task = self._tasks.get(name)
        if task is None:
            raise Refused("no_such_task", f"This model does not have the task “{name[:40]}”.")
        message = _decode(await _read_body(request), task.request)
        work = partial(task.work, message)
        return await _report(self._queue.run(message.source, message.number, message.seconds, work))

    def _check_token(self, request: HTTPRequest) -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        if self._token and not hmac.compare_digest(given, self._token):
            raise Refused("unauthorized", "The secret is missing or wrong.")


async def _read_body(request: HTTPRequest) -> bytes:
    """Raises `Refused`."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_REQUEST:
            raise Refused("too_large", f"A request may have {MAX_REQUEST} bytes.")
    return bytes(body)


def _decode(body: bytes, kind: type[Request]) -> Request:
    """Raises `Refused`."""
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise Refused("bad_request", f"The request is not understood ({error}).") from None


async def _report(work: Awaitable[msgspec.Struct]) -> msgspec.Struct:
    """The result of ``work``. Raises `Refused` for everything that it raises."""
    try:
        return await work
    except Refused:
        raise
    except ValueError as error:
        raise Refused("bad_request", f"The request cannot be answered ({error}).") from None
    except SurtitleError as error:
        raise Refused("failed", error.message) from None
    except Exception:
        log.exception("a request failed")
        raise Refused("failed", "The pool could not answer: see its log.") from None
