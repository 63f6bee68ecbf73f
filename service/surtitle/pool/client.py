"""Asks the pool, from any thread. Every wait has a limit, and so has the number of connections."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from surtitle.core.errors import EngineError, ModelError, Unreachable
from surtitle.pool.address import TOKEN_VARIABLE, PoolAddress
from surtitle.pool.messages import (
    CONTENT_TYPE,
    INFO,
    MAX_ANSWER,
    VERSION,
    ModelInfo,
    Problem,
    Request,
    Task,
    encode,
)

A = TypeVar("A")

_ATTEMPTS = 2  # a machine that dies costs the request that it was answering, not the words
_CONNECT_TIMEOUT = 2.0  # seconds; a machine without power does not refuse connections
_MIN_LEFT = 0.05  # seconds that have to be left for another attempt
_INFO_TIMEOUT = 5.0  # seconds
_KEPT_SECONDS = 30.0  # seconds that an unused connection is kept
_ROUTES = "/-/routes"  # where Ray Serve lists the addresses of its applications
_MODEL_ROUTE = re.compile(r"/models/([\w.-]+)", re.ASCII)


class PoolClient:
    """Sends requests to the pool, up to ``connections`` at a time; others wait for one of these."""

    def __init__(self, address: PoolAddress, connections: int) -> None:
        self.address = address
        headers = {"Content-Type": CONTENT_TYPE}
        if address.token:
            headers["Authorization"] = f"Bearer {address.token}"
        self._http = httpx.Client(
            headers=headers,
            limits=httpx.Limits(
                max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEPT_SECONDS
            ),
            verify=ssl.create_default_context(),
            trust_env=False,  # no proxy leads to a pool of one's own
        )

    def describe(self, model: str, task: Task) -> ModelInfo:
        """What ``model``, its name on the pool, can do. Raises `Unreachable`, `ModelError`."""
        data = self._try_twice(model, INFO, lambda _: None, _INFO_TIMEOUT)
        try:
            info = msgspec.msgpack.decode(data, type=ModelInfo)
        except msgspec.MsgspecError:
            raise self._misunderstood() from None
        if info.version != VERSION:
            raise self._other_version()
        if info.task != task:
            raise ModelError(f"“{model}” of the pool at {self.address.url} is not for {task}: choose another model.")
        return info

    def ask(self, model: str, task: str, request: Request, answer: type[A]) -> A:
        """The answer to ``request``, for which there are its ``seconds``.

        Raises `Unreachable` if there is none in that time, and `EngineError` if there cannot be one.
        """

        def renew(left: float) -> bytes:
            return encode(msgspec.structs.replace(request, seconds=left))

        data = self._try_twice(model, task, renew, request.seconds)
        try:
            return msgspec.msgpack.decode(data, type=answer)
        except msgspec.MsgspecError:
            raise self._misunderstood() from None

    def list_models(self) -> list[str]:
        """The names of the models that the pool has, [] if it does not say."""
        try:
            response = self._http.get(self.address.url + _ROUTES, timeout=_INFO_TIMEOUT)
            routes = response.json() if response.is_success else {}
        except (httpx.HTTPError, ValueError, RuntimeError):
            return []
        matches = [_MODEL_ROUTE.fullmatch(str(route)) for route in routes] if isinstance(routes, dict) else []
        return sorted(match[1] for match in matches if match)

    def close(self) -> None:
        self._http.close()

    def _try_twice(self, model: str, task: str, make_body: Callable[[float], bytes | None], seconds: float) -> bytes:
        """The body of the answer. Raises `Unreachable`, `EngineError`."""
        deadline = time.monotonic() + seconds
        failure: EngineError = self._unanswered()
        for _ in range(_ATTEMPTS):
            left = deadline - time.monotonic()
            if left < _MIN_LEFT:
                break
            try:
                response = self._send(model, task, make_body(left), left)
            except httpx.TimeoutException:
                failure = self._unanswered()
            except httpx.InvalidURL:
                raise ModelError(f"“{model[:80]}” cannot be the name of a model on the pool.") from None
            except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client is closed
                if self._http.is_closed:
                    raise EngineError("The connection to the pool was closed: captions continue elsewhere.") from None
                failure = self._unreachable(str(error) or type(error).__name__)
            else:
                if response.status_code == HTTPStatus.OK:
                    return response.content
                failure = self._explain(response, model)
                if isinstance(failure, _Late) or not isinstance(failure, Unreachable):
                    break
        raise failure

    def _send(self, model: str, task: str, body: bytes | None, left: float) -> httpx.Response:
        request = self._http.build_request(
            "GET" if body is None else "POST",
            f"{self.address.url}/models/{quote(model, safe='')}/{task}",
            content=body,
            timeout=httpx.Timeout(left, connect=min(left, _CONNECT_TIMEOUT)),
        )
        response = self._http.send(request, stream=True)
        try:
            if int(response.headers.get("Content-Length", 0)) > MAX_ANSWER:
                raise httpx.DecodingError("the answer is too large")
            response.read()
        finally:
            response.close()
        return response

    def _explain(self, response: httpx.Response, model: str) -> EngineError:
        """Why there is no answer. Only after `Unreachable` may another attempt succeed."""
        problem = _read_problem(response)
        url, status = self.address.url, response.status_code
        if problem is None:
            if status == HTTPStatus.NOT_FOUND:
                return self._no_such_model(model)
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
                return self._unreachable(f"its proxy answered with status {status}")
            return ModelError(f"What answers at {url} is not an inference pool (status {status}): check the address.")
        match problem.code:
            case "unauthorized":
                return ModelError(
                    f"The pool at {url} refused its secret: set {TOKEN_VARIABLE} to the same value on both sides."
                )
            case "no_such_task":
                return self._other_version()
            case "busy":
                return Unreachable(f"The pool at {url} has more to do than it can: add machines to it.")
            case "late" | "superseded":
                return _Late(f"The pool at {url} was too slow: add machines to it, or choose a smaller model.")
        return EngineError(problem.message)

    def _no_such_model(self, model: str) -> ModelError:
        known = [name for name in self.list_models() if name != model]
        if not known:
            return ModelError(f"The pool at {self.address.url} has no model “{model}”: add it there.")
        return ModelError(
            f"The pool at {self.address.url} has no model “{model}”: choose {' or '.join(known)}, or add it there."
        )

    def _other_version(self) -> ModelError:
        return ModelError(
            f"The pool at {self.address.url} runs another version of Surtitle, whose messages are different: install "
            "the same version on both sides."
        )

    def _misunderstood(self) -> ModelError:
        return ModelError(f"The pool at {self.address.url} gave an answer that is not understood: check the address.")

    def _unanswered(self) -> Unreachable:
        return Unreachable(f"The pool at {self.address.url} did not answer in time: check whether it is running.")

    def _unreachable(self, reason: str) -> Unreachable:
        return Unreachable(f"The pool at {self.address.url} cannot be reached ({reason}): check whether it is running.")


class _Late(Unreachable):
    """The pool has given up the request: trying again would only add to what it has to do."""


def _read_problem(response: httpx.Response) -> Problem | None:
    """The pool's own answer; None if something before it has answered, such as a proxy."""
    if response.headers.get("Content-Type") != CONTENT_TYPE:
        return None
    try:
        return msgspec.msgpack.decode(response.content, type=Problem)
    except msgspec.MsgspecError:
        return None
