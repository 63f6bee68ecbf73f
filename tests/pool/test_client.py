"""The client of the pool, against replicas that fail in every way."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from surtitle.core.errors import EngineError, ModelError, Unreachable
from surtitle.inference.replica import Replica, Task
from surtitle.inference.request_queue import RequestQueue
from surtitle.pool.address import PoolAddress
from surtitle.pool.client import PoolClient
from surtitle.pool.messages import (
    TRANSLATION,
    VERSION,
    ModelInfo,
    TextToTranslate,
    TranslationAnswer,
    TranslationRequest,
)
from tests.inference.pool_server import PoolServer, answer_text, pool_server
from tests.support import free_port

INFO = ModelInfo(version=VERSION, task="translation", codes=("eng_Latn",))


def shout(request: TranslationRequest) -> TranslationAnswer:
    return TranslationAnswer(tuple(text.text.upper() for text in request.texts))


def replica(info: ModelInfo = INFO, token: str = "") -> Replica:
    return Replica(info, {TRANSLATION: Task(TranslationRequest, shout)}, RequestQueue(1, 4), token)


class FailsFirst:
    """Answers with an error of a proxy so many times, then as the replica."""

    def __init__(self, times: int, app: ASGIApp) -> None:
        self.calls, self._times, self._app = 0, times, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        app = answer_text(500, "Internal Server Error") if self.calls <= self._times else self._app
        await app(scope, receive, send)


@pytest.fixture(scope="module")
def server() -> Iterator[PoolServer]:
    with pool_server({"loud": replica()}) as server:
        yield server


@contextmanager
def connected(url: str, token: str = "") -> Iterator[PoolClient]:
    with closing(PoolClient(PoolAddress(url, token), 2)) as client:
        yield client


def ask(client: PoolClient, model: str = "loud", seconds: float = 20.0) -> tuple[str, ...]:
    request = TranslationRequest("s", 1, seconds, (TextToTranslate("hello", "eng_Latn", "eng_Latn"),))
    return client.ask(model, TRANSLATION, request, TranslationAnswer).texts


def test_it_asks_and_describes(server: PoolServer) -> None:
    with connected(server.url) as client:
        assert ask(client) == ("HELLO",)
        assert client.describe("loud", "translation") == INFO
        assert client.list_models() == sorted(server.models)


def test_a_replica_that_dies_is_tried_again_once(server: PoolServer) -> None:
    with connected(server.url) as client:
        server.models["once"] = once = FailsFirst(1, replica())
        assert ask(client, "once") == ("HELLO",)
        server.models["twice"] = twice = FailsFirst(2, replica())
        with pytest.raises(Unreachable, match="status 500"):
            ask(client, "twice")
    assert (once.calls, twice.calls) == (2, 2)


def test_a_model_that_is_not_there_is_named_with_those_that_are(server: PoolServer) -> None:
    with connected(server.url) as client, pytest.raises(ModelError, match=r"no model “quiet”: choose .*loud"):
        client.describe("quiet", "translation")


def test_a_model_for_something_else_is_refused(server: PoolServer) -> None:
    with connected(server.url) as client, pytest.raises(ModelError, match="is not for recognition"):
        client.describe("loud", "recognition")


def test_other_versions_are_recognized(server: PoolServer) -> None:
    server.models["newer"] = replica(ModelInfo(version=VERSION + 1, task="translation"))
    with connected(server.url) as client:
        with pytest.raises(ModelError, match="another version"):
            client.describe("newer", "translation")
        request = TranslationRequest("s", 1, 5.0, ())
        with pytest.raises(ModelError, match="another version"):
            client.ask("loud", "sing", request, TranslationAnswer)


def test_a_secret_has_to_be_the_same_on_both_sides(server: PoolServer) -> None:
    server.models["guarded"] = replica(token="right")
    for token in ("", "wrong"):
        with connected(server.url, token) as client, pytest.raises(ModelError, match="refused its secret") as caught:
            ask(client, "guarded")
        assert "wrong" not in caught.value.message
    with connected(server.url, "right") as client:
        assert ask(client, "guarded") == ("HELLO",)


def test_what_is_no_pool_is_reported(server: PoolServer) -> None:
    server.models |= {"web": answer_text(200, "<html>"), "teapot": answer_text(418)}
    with connected(server.url) as client:
        for model, reason in (("web", "not understood"), ("teapot", "not an inference pool")):
            with pytest.raises(ModelError, match=reason):
                ask(client, model)


def test_no_redirect_is_followed(server: PoolServer) -> None:
    server.models["moved"] = RedirectResponse(f"{server.url}/models/loud/{TRANSLATION}")
    with connected(server.url) as client, pytest.raises(ModelError, match="status 307"):
        ask(client, "moved")


def test_an_error_of_the_model_is_passed_on_at_once(server: PoolServer) -> None:
    def fail(_: TranslationRequest) -> TranslationAnswer:
        raise EngineError("The model failed: captions continue with the next.")

    tasks = {TRANSLATION: Task(TranslationRequest, fail)}
    server.models["failing"] = Replica(INFO, tasks, RequestQueue(1, 4), "")
    with connected(server.url) as client, pytest.raises(EngineError, match="The model failed") as caught:
        ask(client, "failing")
    assert not isinstance(caught.value, Unreachable)


def test_a_request_that_waits_too_long_is_given_up_and_not_sent_again(server: PoolServer) -> None:
    going, calls = threading.Event(), 0

    def wait(request: TranslationRequest) -> TranslationAnswer:
        nonlocal calls
        calls += 1
        going.wait(30)
        return shout(request)

    queue = RequestQueue(1, 4)
    server.models["slow"] = Replica(INFO, {TRANSLATION: Task(TranslationRequest, wait)}, queue, "")
    with connected(server.url) as client:
        first = threading.Thread(target=lambda: ask(client, "slow"))
        first.start()
        deadline = time.monotonic() + 20
        while not calls and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(Unreachable):
            ask(client, "slow", 0.3)
        while len(queue) and time.monotonic() < deadline:  # its time there began a little later than here
            time.sleep(0.01)
        going.set()
        first.join(30)
        assert calls == 1  # what was late was not computed


def test_nobody_who_listens_is_reported_at_once() -> None:
    with connected(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(Unreachable, match="cannot be reached"):
        ask(client)


def test_a_server_that_says_nothing_costs_no_more_than_the_deadline() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        connected(f"http://127.0.0.1:{silent.getsockname()[1]}") as client,
        pytest.raises(Unreachable, match="did not answer in time"),
    ):
        ask(client, seconds=0.2)


def test_an_answer_that_is_too_large_is_not_read(server: PoolServer) -> None:
    server.models["large"] = answer_text(200, "x" * (2 << 20))
    with connected(server.url) as client, pytest.raises(Unreachable, match="too large"):
        ask(client, "large")


def test_a_closed_client_says_so(server: PoolServer) -> None:
    with connected(server.url) as client:
        pass
    with pytest.raises(EngineError, match="was closed"):
        ask(client)
