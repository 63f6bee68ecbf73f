"""The engine against stand-ins for the clouds: reconnecting, refusals, outages, and what is counted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from surtitle.audio import RATE, Samples
from surtitle.core.errors import EngineError, ModelError
from surtitle.core.words import Hypothesis
from surtitle.speech.cloud import link
from surtitle.speech.cloud.access import CloudAccess
from surtitle.speech.cloud.deepgram import SETTINGS, Deepgram
from surtitle.speech.cloud.engine import CloudEngine
from surtitle.speech.cloud.openai import OpenAI
from surtitle.speech.cloud.protocol import Cloud
from surtitle.speech.cloud.service import CloudService
from surtitle.speech.cloud.stream import CloudStream
from surtitle.speech.engine import Hints
from tests.speech.cloud.fakes import FakeCloud, running_cloud, serve_deepgram, serve_openai, sound

KEY = "a-key-that-is-secret"
KINDS: dict[str, tuple[Callable[..., None], Callable[[CloudAccess, str], Cloud], str]] = {
    "deepgram": (serve_deepgram, Deepgram, "/v1/listen"),
    "openai": (serve_openai, OpenAI, "/v1/realtime"),
}


@contextmanager
def opened(kind: str, cloud: FakeCloud) -> Iterator[CloudEngine]:
    make, path = KINDS[kind][1:]
    access = CloudAccess(f"ws://127.0.0.1:{cloud.port}{path}", KEY)
    engine = CloudEngine(CloudService(make(access, "a-model"), local=True), f"{kind}:a-model")
    try:
        yield engine
    finally:
        engine.close()


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cloud(kind: str) -> Iterator[FakeCloud]:
    with running_cloud(KINDS[kind][0]) as cloud:
        yield cloud


@pytest.fixture
def stream(kind: str, cloud: FakeCloud) -> Iterator[CloudStream]:
    with opened(kind, cloud) as engine:
        stream = engine.open("en", Hints("", ("Halyard",)))
        yield stream
        stream.close()


def say(stream: CloudStream, samples: Samples, *, pause: float = 0.0) -> list[Hypothesis]:
    """Send an utterance in pieces; ``pause`` seconds of it are silence at its end. Returns what came meanwhile."""
    found: list[Hypothesis] = []
    for at in range(0, len(samples), RATE // 4):
        left = (len(samples) - at) / RATE - 0.25
        hypothesis = stream.accept(samples[at : at + RATE // 4], max(0.0, pause - left))
        if hypothesis is not None:
            found.append(hypothesis)
    return found


def texts(hypothesis: Hypothesis) -> list[str]:
    return [word.text for word in hypothesis.committed]


def failure(steps: Callable[[], object]) -> str:
    """The message of the error that one of the steps raises."""
    try:
        steps()
    except EngineError as error:
        return error.message
    raise AssertionError("there was no error")


def wait_for(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_words_of_each_utterance_come_with_times_in_it(stream: CloudStream) -> None:
    for first in (1, 4):
        say(stream, sound(3, first))
        final = stream.finish()
        assert texts(final) == [f"w{first + index}" for index in range(3)]
        for index, word in enumerate(final.committed):
            assert index - 0.5 <= word.start <= word.end <= 3.0
    assert stream.remote_use.sent == 6.0
    assert stream.remote_use.lost == 0.0


def test_words_arrive_while_somebody_speaks(stream: CloudStream) -> None:
    stream.accept(sound(4), 0.0)
    seen: list[Hypothesis] = []

    def arrived() -> bool:
        if (hypothesis := stream.accept(sound(0), 0.0)) is not None:
            seen.append(hypothesis)
        return bool(seen) and len(seen[-1].committed) >= 2

    wait_for(arrived)
    assert texts(seen[-1])[:2] == ["w1", "w2"]
    assert texts(stream.finish()) == ["w1", "w2", "w3", "w4"]


def test_an_interruption_loses_and_repeats_no_word(cloud: FakeCloud, stream: CloudStream) -> None:
    cloud.drops = [2.6, 5.0]
    committed: list[str] = []
    for index in range(6):
        for hypothesis in say(stream, sound(1, index + 1)):
            assert texts(hypothesis)[: len(committed)] == committed
            committed = texts(hypothesis)
        connections = (1, 1, 2, 2, 3, 3)[index]
        wait_for(lambda least=connections: len(cloud.requests) >= least)  # type: ignore[misc]
    final = stream.finish()
    assert texts(final) == ["w1", "w2", "w3", "w4", "w5", "w6"]
    assert all(index - 0.5 <= word.start <= word.end <= 6.0 for index, word in enumerate(final.committed))
    assert len(cloud.requests) == 3
    assert stream.remote_use.sent >= cloud.heard - 0.1 > 6.0  # what was sent again is paid for again
    assert stream.remote_use.problem == ""


def test_the_request_has_the_key_and_the_vocabulary(kind: str, cloud: FakeCloud, stream: CloudStream) -> None:
    say(stream, sound(1))
    stream.finish()
    assert KEY in cloud.requests[0].headers["Authorization"]
    assert KEY not in cloud.requests[0].path
    if kind == "deepgram":
        assert cloud.query["keyterm"] == ["Halyard"]
    else:
        (update,) = cloud.sent("session.update")
        assert update["session"]["audio"]["input"]["transcription"]["keywords"] == ["Halyard"]


def test_the_detected_language_is_that_of_the_stream(kind: str, cloud: FakeCloud) -> None:
    with opened(kind, cloud) as engine:
        stream = engine.open("auto")
        assert stream.language == "auto"
        say(stream, sound(1))
        stream.finish()
        assert stream.language == "fr"


def test_nothing_is_sent_until_somebody_speaks(cloud: FakeCloud, stream: CloudStream) -> None:
    assert stream.finish() == Hypothesis()
    assert cloud.requests == []
    assert stream.remote_use.recipient.endswith(f"(127.0.0.1:{cloud.port})")


def test_the_key_is_never_logged(cloud: FakeCloud, stream: CloudStream, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "websockets")
    cloud.drops = [0.5]
    say(stream, sound(1))
    stream.finish()
    client = [record for record in caplog.records if not record.name.startswith("websockets.server")]
    assert client
    assert not any(KEY in record.getMessage() for record in client)


def test_a_refused_key_is_known_before_anybody_speaks(kind: str, cloud: FakeCloud) -> None:
    cloud.refusal = (401, {}, '{"err_msg": "Invalid credentials", "error": {"message": "Incorrect API key"}}')
    with opened(kind, cloud) as engine, pytest.raises(ModelError, match="refuses the key: set a valid one in"):
        engine.check()


def test_a_cloud_that_cannot_be_reached_may_be_reached_later(kind: str, cloud: FakeCloud) -> None:
    cloud.stop()
    with opened(kind, cloud) as engine:
        engine.check()


def test_a_refusal_is_reported_once_and_the_committed_words_stay(cloud: FakeCloud, stream: CloudStream) -> None:
    stream.accept(sound(4), 0.0)
    wait_for(lambda: bool((found := stream.accept(sound(0), 0.0)) and found.committed))
    cloud.refusal = (402, {}, "{}")
    cloud.drops = [0.0]
    errors: list[EngineError] = []

    def failed() -> bool:
        try:
            stream.accept(sound(1, 5)[: RATE // 10], 0.0)
        except EngineError as error:
            errors.append(error)
        return bool(errors)

    wait_for(failed)
    assert "add credit" in errors[0].message
    assert "s of speech have no captions." in errors[0].message
    assert texts(stream.finish())[:1] == ["w1"]
    requests = len(cloud.requests)
    lost = stream.remote_use.lost
    assert lost > 0
    assert stream.accept(sound(1), 0.0) is None  # it is not tried again at once
    assert stream.finish() == Hypothesis()
    assert stream.remote_use.lost == pytest.approx(lost + 1.0)
    assert len(cloud.requests) == requests
    assert "add credit" in stream.remote_use.problem


def test_after_the_pause_a_refused_cloud_is_tried_again(cloud: FakeCloud, stream: CloudStream) -> None:
    cloud.refusal = (429, {"Retry-After": "1"}, "{}")
    assert "allows no more requests" in failure(lambda: (say(stream, sound(1)), stream.finish()))
    stream.finish()
    cloud.refusal = None
    wait_for(lambda: say(stream, sound(1)) is not None and texts(stream.finish())[:1] == ["w1"])
    assert stream.remote_use.problem == ""


def test_an_outage_is_reported_with_the_seconds_that_it_cost(
    cloud: FakeCloud, stream: CloudStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_MAX_OUTAGE", 0.5)
    cloud.stop()
    say(stream, sound(2))
    with pytest.raises(EngineError, match=r"cannot be reached .*; 2\.0 s of speech have no captions\."):
        stream.finish()
    assert stream.finish() == Hypothesis()
    assert stream.remote_use.lost == 2.0
    assert "check the network" in stream.remote_use.problem
    cloud.start()
    monkeypatch.setattr(link, "_MAX_OUTAGE", 30.0)
    say(stream, sound(2))
    assert texts(stream.finish()) == ["w1", "w2"]
    assert stream.remote_use.problem == ""


def test_speech_during_a_short_outage_is_kept(cloud: FakeCloud, stream: CloudStream) -> None:
    cloud.stop()
    say(stream, sound(2))
    wait_for(lambda: bool(stream.remote_use.problem))
    cloud.start()
    assert texts(stream.finish()) == ["w1", "w2"]
    assert stream.remote_use.lost == 0.0


def test_a_cloud_that_does_not_answer_is_given_up_and_connected_anew(
    cloud: FakeCloud, stream: CloudStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_MAX_WAIT", 0.5)
    cloud.finalizes = False
    say(stream, sound(1)[: RATE // 2])
    with pytest.raises(EngineError, match="does not answer"):
        stream.finish()
    stream.finish()
    cloud.finalizes = True
    monkeypatch.setattr(link, "_MAX_WAIT", 30.0)
    say(stream, sound(2, 5))
    assert texts(stream.finish()) == ["w5", "w6"]
    assert len(cloud.requests) == 2


def test_an_idle_connection_is_kept_alive_and_closed(
    kind: str, cloud: FakeCloud, stream: CloudStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_KEEP_ALIVE", 0.1)
    monkeypatch.setattr(link, "_IDLE", 0.5)
    say(stream, sound(1))
    stream.finish()
    if kind == "deepgram":
        wait_for(lambda: bool(cloud.sent("KeepAlive")))
        wait_for(lambda: bool(cloud.sent("CloseStream")))
    wait_for(lambda: not stream._link._connected)
    say(stream, sound(1, 2))
    assert texts(stream.finish()) == ["w2"]
    assert len(cloud.requests) == 2
    assert stream.remote_use.sent == 2.0


def test_what_is_not_such_a_service_is_recognized(kind: str, cloud: FakeCloud) -> None:
    cloud.serve_connection = lambda _, connection: connection.send("hello")
    with opened(kind, cloud) as engine:
        stream = engine.open("en")
        assert "does not speak the protocol of" in failure(lambda: (say(stream, sound(1)), stream.finish()))


def test_sound_does_not_follow_a_redirect(kind: str, cloud: FakeCloud) -> None:
    with running_cloud(KINDS[kind][0]) as other, opened(kind, cloud) as engine:
        cloud.refusal = (302, {"Location": f"ws://127.0.0.1:{other.port}/"}, "")
        with pytest.raises(ModelError, match="wants to redirect to another address"):
            engine.check()
        assert other.requests == []


def test_closing_ends_a_wait(kind: str, cloud: FakeCloud) -> None:
    cloud.finalizes = False
    with opened(kind, cloud) as engine:
        stream = engine.open("en")
        say(stream, sound(1)[: RATE // 2])
        errors: list[EngineError] = []

        def finish() -> None:
            try:
                stream.finish()
            except EngineError as error:
                errors.append(error)

        thread = threading.Thread(target=finish)
        thread.start()
        wait_for(lambda: cloud.heard >= 0.4)
        stream.close()
        thread.join(30)
        assert not thread.is_alive()
        assert errors
        stream.close()


def test_what_is_closed_says_so_and_can_be_closed_again(kind: str, cloud: FakeCloud) -> None:
    with opened(kind, cloud) as engine:
        stream = engine.open("en")
        say(stream, sound(1))
        engine.close()
        engine.close()
        stream.close()
        with pytest.raises(EngineError, match="is closed"):
            stream.accept(sound(1), 0.0)
    wait_for(lambda: not any(thread.name.startswith(f"{kind} connections") for thread in threading.enumerate()))


def test_a_pause_that_the_service_has_found_needs_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "_MAX_TAIL", 0.2)
    with running_cloud(serve_deepgram) as cloud, opened("deepgram", cloud) as engine:
        cloud.finalizes = False
        stream = engine.open("en")
        stream._link._only_silence_left = lambda utterance: utterance.covered >= 2 * RATE  # type: ignore[method-assign]
        say(stream, sound(3)[: RATE * 5 // 2], pause=0.5)
        assert texts(stream.finish())[:2] == ["w1", "w2"]
    assert SETTINGS.title == "Deepgram"
