"""The states of a stream, and what happens to its audio when it breaks: with streams that are only functions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import numpy as np
import pytest

from surtitle.audio import Frames
from surtitle.audio.gaps import PlacedBlock
from surtitle.core.backoff import Backoff
from surtitle.core.errors import TooMany
from surtitle.ingest import ingest as module
from surtitle.ingest.backlog import SentAudio
from surtitle.ingest.ingest import Ingest
from surtitle.ingest.media_input import CloseLater, IngestError, MediaInput
from surtitle.ingest.overlap import Overlap

RATE = 16_000


def blocks(count: int) -> Iterator[PlacedBlock]:
    """``count`` blocks of 0.1 s."""
    return iter([(0.0, np.zeros((RATE // 10, 1), dtype=np.float32), RATE)] * count)


class Sink:
    """Notes what it is asked for. ``refuse`` is raised by `begin`."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.age = 0.0
        self.seconds = 0.0
        self.refuse: Exception | None = None

    async def begin(self, age: float, live: bool) -> None:
        self.calls.append("begin")
        self.age = age
        if self.refuse is not None:
            raise self.refuse

    async def put(self, gap: float, frames: Frames, rate: int) -> None:
        self.seconds += gap + len(frames) / rate

    async def pause(self) -> None:
        self.calls.append("pause")

    async def end(self) -> None:
        self.calls.append("end")


class Streams:
    """One stream after another, each a function; the last waits until it is closed."""

    def __init__(self, *streams: Callable[[], MediaInput]) -> None:
        self._streams = list(streams)
        self.closed = threading.Event()

    def open(self, close_later: CloseLater, missing: float) -> AbstractContextManager[MediaInput]:
        return self._open(close_later)

    @contextmanager
    def _open(self, close_later: CloseLater) -> Iterator[MediaInput]:
        if not self._streams:
            close_later(self.closed.set)
            self.closed.wait(30)
            raise IngestError("reconnecting", "Closed.")
        yield self._streams.pop(0)()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BACKOFF", (0.01, 0.02))
    monkeypatch.setattr(module, "_BURST_WINDOW", 0.05)


async def run(streams: Streams, sink: Sink, *, listens: bool = False, persistent: bool = True) -> list[str]:
    """Run until the streams are used up; the states."""
    states: list[str] = []
    ingest = Ingest("stream", streams.open, sink, listens=listens, persistent=persistent)
    ingest.on_change = lambda: states.append(ingest.status.state)
    task = asyncio.create_task(ingest.run())
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(task), 0.6)
    if not task.done():
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return states


def refuse() -> MediaInput:
    raise IngestError("refused", "The password is wrong.")


async def test_a_stream_that_breaks_is_opened_again() -> None:
    sink = Sink()
    states = await run(Streams(*[lambda: MediaInput(blocks(5), live=True)] * 2), sink)
    assert states == ["receiving", "reconnecting", "receiving", "reconnecting"]
    assert sink.calls == ["begin", "pause", "begin", "pause", "end"]
    assert sink.seconds == pytest.approx(1.0)


async def test_what_comes_at_once_is_old() -> None:
    sink = Sink()
    await run(Streams(lambda: MediaInput(blocks(180), live=True)), sink)
    assert sink.age == pytest.approx(18.0)


async def test_a_file_ends() -> None:
    sink = Sink()
    states = await run(Streams(lambda: MediaInput(blocks(3), live=False)), sink)
    assert states == ["receiving", "ended"]
    assert (sink.calls, sink.age) == (["begin", "pause", "end"], 0.0)


async def test_the_recording_of_a_stream_that_has_ended_is_not_captioned_again() -> None:
    sink = Sink()
    streams = Streams(lambda: MediaInput(blocks(5), live=True), lambda: MediaInput(blocks(50), live=False))
    assert (await run(streams, sink))[-1] == "ended"
    assert sink.seconds == pytest.approx(0.5)


async def test_an_encoder_that_leaves_is_waited_for() -> None:
    sink = Sink()
    states = await run(Streams(*[lambda: MediaInput(blocks(5), live=True)] * 2), sink, listens=True)
    assert states[:3] == ["receiving", "waiting", "waiting"]
    assert states.count("receiving") == 2


async def test_who_is_refused_tries_again_in_the_service_but_not_on_the_command_line() -> None:
    sink = Sink()
    assert await run(Streams(refuse, lambda: MediaInput(blocks(5), live=True)), sink) == [
        "refused",
        "connecting",
        "receiving",
        "reconnecting",
    ]
    with pytest.raises(IngestError, match="password"):
        await run(Streams(refuse), Sink(), persistent=False)


async def test_a_service_that_is_full_is_a_refusal() -> None:
    sink = Sink()
    sink.refuse = TooMany("There are too many sources: end one first.")
    states = await run(Streams(lambda: MediaInput(blocks(5), live=True)), sink)
    assert states[0] == "refused"


async def test_a_fault_while_reading_breaks_the_stream_only() -> None:
    def fail() -> Iterator[PlacedBlock]:
        yield from blocks(3)
        raise RuntimeError("a fault")

    sink = Sink()
    states = await run(Streams(lambda: MediaInput(fail(), live=True)), sink)
    assert states[:2] == ["receiving", "reconnecting"]


def test_pauses_grow_until_a_connection_lasts() -> None:
    backoff = Backoff(1.0, 5.0)
    assert [backoff.next() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    backoff.reset()
    assert backoff.next() == 1.0


def test_what_is_sent_again_is_left_out() -> None:
    overlap = Overlap(0.25)
    trimmed = [overlap.trim(block) for block in blocks(4)]
    assert [len(frames) / RATE for _, frames, _ in trimmed] == pytest.approx([0, 0, 0.05, 0.1])
    assert Overlap(1.5).trim((2.0, np.zeros((10, 1), dtype=np.float32), RATE))[0] == pytest.approx(0.5)


def test_audio_is_kept_until_the_service_has_it() -> None:
    sent = SentAudio()
    for number in range(4):
        sent.add(np.full(10, number, dtype=np.float32))
    taken = [sent.take(10) for _ in range(3)]
    assert [int(block[0]) for block in taken if block is not None] == [0, 1, 2]
    sent.rewind(15)  # what the service has when it is reached again
    again = sent.take(10)
    assert again is not None
    assert (len(again), int(again[0])) == (5, 1)
    assert sent.begin_source() == 20
    assert (sent.position, sent.end, sent.waiting) == (0, 20, True)
    while sent.take(10) is not None:
        pass
    assert not sent.waiting


def test_audio_that_is_too_old_is_dropped() -> None:
    sent = SentAudio()
    for _ in range(100):
        sent.add(np.zeros(RATE, dtype=np.float32))
    assert (sent.position, sent.end) == (10 * RATE, 100 * RATE)
