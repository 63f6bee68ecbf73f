"""Speaker models on a pool: the same frames as without one, whatever dies between and during requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import msgspec
import numpy as np
import pytest
from starlette.types import Receive, Scope, Send

from surtitle.audio import RATE, Samples
from surtitle.core.errors import EngineError, ModelError, Unreachable
from surtitle.inference.diarization import create_diarization
from surtitle.inference.replica import Replica
from surtitle.inference.request_queue import RequestQueue
from surtitle.pool.address import URL_VARIABLE, PoolAddress
from surtitle.pool.client import PoolClient
from surtitle.pool.messages import (
    DIARIZATION,
    MAX_NEW_SAMPLES,
    MAX_STATE,
    VERSION,
    DiarizationAnswer,
    DiarizationRequest,
    ModelInfo,
    encode,
)
from surtitle.speakers import diarizer as diarizers
from surtitle.speakers import pool as pools
from surtitle.speakers import recorded
from surtitle.speakers.diarizer import Diarizer, SpeakerStream
from surtitle.speakers.kinds import find_diarizer
from surtitle.speakers.pool import PoolModel, PoolStream
from surtitle.speakers.timeline import Activity
from tests.inference.pool_server import PoolServer, answer_text, pool_server
from tests.speakers.portable import PER_FRAME, CountingModel, CountingStream
from tests.support import free_port, silence, until

SOUND = (np.random.default_rng(3).integers(-32768, 32768, 5 * RATE) / 32768).astype(np.float32)
REQUEST = DiarizationRequest("s", 1, 5.0, 1.04, b"\0\0")


class Pool:
    """What answers a `PoolStream` in place of a client; a request that it notes in ``lost`` is not answered."""

    def __init__(self) -> None:
        self.requests: list[DiarizationRequest] = []
        self.lost: list[int] = []
        self._task = task_of(create_diarization(CountingModel()))

    def ask(self, request: DiarizationRequest) -> DiarizationAnswer:
        request = msgspec.msgpack.decode(encode(request), type=DiarizationRequest)
        self.requests.append(request)
        if len(self.requests) in self.lost:
            raise Unreachable("The pool did not answer.")
        return msgspec.msgpack.decode(encode(self._task(request)), type=DiarizationAnswer)


def task_of(replica: Replica) -> Callable[[DiarizationRequest], DiarizationAnswer]:
    return replica._tasks[DIARIZATION].work  # type: ignore[return-value]


def pad(activity: Activity) -> Activity:
    return np.pad(activity, ((0, 0), (0, 2)))


def alone(*parts: Samples) -> Activity:
    """The frames of parts with gaps between them, without a pool."""
    stream = CountingStream()
    return pad(np.concatenate([found for part in parts for found in (stream.feed(part), stream.flush())]))


def feed(stream: Any, samples: Samples, block: int = 1600) -> list[Activity]:
    return [stream.feed(samples[at : at + block]) for at in range(0, len(samples), block)]


@pytest.mark.parametrize("block", [100, 1600, 40_000])
def test_the_frames_are_those_of_a_model_here(block: int) -> None:
    pool = Pool()
    stream = PoolStream(pool.ask, 1.04)
    found = np.concatenate([*feed(stream, SOUND, block), stream.flush()])
    np.testing.assert_array_equal(found, alone(SOUND))
    assert len(pool.requests) <= len(found) + 2, "nothing is sent without a frame to gain"


def test_a_gap_ends_a_frame_and_not_what_is_known() -> None:
    stream = PoolStream(Pool().ask, 1.04)
    parts = SOUND[:3000], SOUND[20_000:31_111], SOUND[:0]
    found = [frames for part in parts for frames in (stream.feed(part), stream.flush())]
    np.testing.assert_array_equal(np.concatenate(found), alone(*parts))


def test_a_request_without_an_answer_is_the_next_one_again() -> None:
    pool = Pool()
    stream = PoolStream(pool.ask, 1.04)
    pool.lost = [5, 6]
    found = []
    for at in range(0, len(SOUND), PER_FRAME):
        try:
            found.append(stream.feed(SOUND[at : at + PER_FRAME]))
        except Unreachable:
            continue
    np.testing.assert_array_equal(np.concatenate([*found, stream.flush()]), alone(SOUND))
    assert pool.requests[4] == pool.requests[5] == pool.requests[6]


def test_requests_are_bounded() -> None:
    pool = Pool()
    PoolStream(pool.ask, 10.0).feed(silence(20.0))
    assert max(len(request.samples) for request in pool.requests) == 2 * MAX_NEW_SAMPLES
    for changes in (
        {"samples": b"\0" * (2 * MAX_NEW_SAMPLES + 2)},
        {"state": b"\0" * (MAX_STATE + 1)},
        {"seconds": 0.0},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.msgpack.decode(encode(msgspec.structs.replace(REQUEST, **changes)), type=DiarizationRequest)


def test_a_model_that_cannot_save_its_streams_is_refused() -> None:
    class Bound:
        open = CountingModel.open

    with pytest.raises(ModelError, match="its streams cannot continue in another process: deploy a Sortformer"):
        create_diarization(Bound())


class LosesAnswers:
    """Has each request answered and loses the answer so many times, as a machine does that fails in between."""

    def __init__(self, times: int) -> None:
        self.replica = create_diarization(CountingModel())
        self.times = times

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.times and scope["path"].endswith(DIARIZATION):
            self.times -= 1

            async def lose(message: Any) -> None:
                """Nobody gets it."""

            await self.replica(scope, receive, lose)
            await answer_text(502)(scope, receive, send)
        else:
            await self.replica(scope, receive, send)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PoolServer]:
    with pool_server({"fake": create_diarization(CountingModel())}) as server:
        monkeypatch.setenv(URL_VARIABLE, server.url)
        monkeypatch.setattr(pools, "_PAUSE", 0.05)
        yield server


def test_replicas_that_die_cost_nothing(server: PoolServer) -> None:
    with closing(PoolModel(PoolAddress(server.url), "fake")) as model:
        stream = model.open(1.04)
        found = feed(stream, SOUND[:RATE])
        server.models["fake"] = create_diarization(CountingModel())  # another process, which has seen nothing
        found += feed(stream, SOUND[RATE : 2 * RATE])
        server.models["fake"] = losing = LosesAnswers(5)  # more than the client tries at once
        found += feed(stream, SOUND[2 * RATE :])
        assert losing.times == 0
        np.testing.assert_array_equal(np.concatenate([*found, stream.flush()]), alone(SOUND))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": b"\0" * 7}, "the state has a wrong size"),
        ({"latency": 0.5}, "no latency of 0.5 s"),
        ({"samples": b"\0"}, "buffer size"),
        ({"seconds": 1e9}, "not understood"),
    ],
)
def test_requests_that_cannot_be_meant_are_refused(server: PoolServer, changes: dict[str, Any], reason: str) -> None:
    with closing(PoolClient(PoolAddress(server.url), 1)) as client:
        wrong = msgspec.structs.replace(REQUEST, **changes)
        with pytest.raises(EngineError, match=reason):
            client.ask("fake", DIARIZATION, wrong, DiarizationAnswer)
        assert client.ask("fake", DIARIZATION, REQUEST, DiarizationAnswer).needed == PER_FRAME - 1


def test_models_for_other_tasks_and_missing_ones_are_refused(server: PoolServer) -> None:
    server.models["other"] = Replica(ModelInfo(version=VERSION, task="translation"), {}, RequestQueue(1, 1), "")
    with pytest.raises(ModelError, match="is not for diarization: choose another"):
        find_diarizer("pool:other").load()
    with pytest.raises(ModelError, match="no model “sortformer”: choose fake or other"):
        find_diarizer("pool").load()


def test_without_an_address_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    assert "--inference" in find_diarizer("pool:fake").problem()


def test_recordings_are_diarized_by_a_pool(server: PoolServer) -> None:
    found = recorded.speakers([SOUND, silence(1.0)], "pool:fake", lambda seconds: None)
    assert (found.who(1.0, 1.5), found.who(5.4, 5.8)) == ((0,), ())


@pytest.fixture
def diarizer(server: PoolServer) -> Iterator[Diarizer]:
    with closing(Diarizer("pool:fake")) as diarizer:
        yield diarizer


def speak(diarizer: Diarizer, seconds: int = 5) -> SpeakerStream:
    stream = diarizer.open(0.0, 1.04)
    assert stream is not None
    for at in range(0, seconds * RATE, 1600):
        stream.put(SOUND[at : at + 1600], live=True)
    return stream


async def test_several_sources_of_a_service_use_it_at_once(diarizer: Diarizer) -> None:
    streams = [speak(diarizer) for _ in range(3)]
    await until(lambda: all(stream.timeline.known > 4.8 for stream in streams))
    assert [stream.timeline.who(1.0, 2.0) for stream in streams] == [(4,)] * 3
    assert diarizer.state.name == "ready"
    for stream in streams:
        stream.close()


async def test_a_pool_that_stays_away_costs_speakers_and_nothing_else(
    server: PoolServer, diarizer: Diarizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "_PATIENCE", 0.2)
    monkeypatch.setattr(diarizers, "_RETRY_INTERVAL", 0.05)
    stream = speak(diarizer)
    await until(lambda: stream.timeline.known > 4.8)
    server.models["fake"], working = answer_text(503), server.models["fake"]
    begun = time.monotonic()
    stream.put(SOUND, live=True)
    assert time.monotonic() - begun < 1.0, "the source does not wait"
    await until(lambda: diarizer.state.name == "failed")
    assert "cannot be reached" in diarizer.state.message
    server.models["fake"] = working
    await until(lambda: diarizer.state.name == "ready")
    stream.put(SOUND, live=True)
    known = stream.timeline.known
    await until(lambda: stream.timeline.known > known + 4)
    assert stream.timeline.who(stream.timeline.known - 1, stream.timeline.known)[0] > 4, "speakers have new numbers"


async def test_closing_does_not_wait_for_the_pool(server: PoolServer, diarizer: Diarizer) -> None:
    stream = speak(diarizer, 1)
    await until(lambda: stream.timeline.known > 0.8)
    server.models["fake"] = answer_text(503)
    stream.put(SOUND, live=True)
    await until(lambda: bool(diarizer._busy))
    diarizer.close()
    assert diarizer._thread is not None
    await until(lambda: not diarizer._thread.is_alive())  # type: ignore[union-attr]


def test_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unreachable, match="check whether it is running"):
        find_diarizer("pool:fake").load()
