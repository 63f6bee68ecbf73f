"""The server in the process of the speaker model, with a model that fails when it is asked to."""

from __future__ import annotations

import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.speakers.diarizer import Diarizer
from surtitle.speakers.runners import parse_answer
from surtitle.speakers.timeline import FRAME, Activity
from surtitle.speakers.worker import StreamServer

SECOND = np.zeros(RATE, dtype=np.float32).tobytes()


class FakeStream:
    """Nobody speaks; NaN is an error."""

    def __init__(self) -> None:
        self.closed = False

    def feed(self, samples: Samples) -> Activity:
        if np.isnan(samples).any():
            raise RuntimeError("not a number")
        return np.zeros((round(len(samples) / RATE / FRAME), 2), dtype=np.float32)

    def flush(self) -> Activity:
        return np.zeros((0, 2), dtype=np.float32)

    def close(self) -> None:
        self.closed = True


class FakeModel:
    def __init__(self) -> None:
        self.streams: list[FakeStream] = []

    def open(self, latency: float) -> FakeStream:
        self.streams.append(FakeStream())
        return self.streams[-1]


def broken(seconds: float = 1.0) -> bytes:
    return np.full(round(seconds * RATE), np.nan, dtype=np.float32).tobytes()


def test_a_stream_that_fails_is_replaced_and_others_are_not() -> None:
    model = FakeModel()
    server = StreamServer(model)
    server.feed(1, 1.04, 0, SECOND)
    server.feed(2, 1.04, 0, SECOND)
    assert server.feed(1, 1.04, RATE, broken()) == []
    assert model.streams[0].closed
    (again,) = parse_answer(server.feed(1, 1.04, 2 * RATE, SECOND))
    (other,) = parse_answer(server.feed(2, 1.04, RATE, SECOND))
    assert (again.position, again.stream) == (2 * RATE, 1)
    assert other.stream == 0
    server.close(1)
    assert [stream.closed for stream in model.streams] == [True, False, True]


def test_a_stream_that_fails_again_and_again_is_reported() -> None:
    server = StreamServer(FakeModel())
    assert server.feed(1, 1.04, 0, broken()) == []
    assert server.feed(1, 1.04, RATE, broken()) == []
    with pytest.raises(RuntimeError, match="not a number"):
        server.feed(1, 1.04, 2 * RATE, broken())


def test_errors_with_success_between_them_are_not_in_a_row() -> None:
    server = StreamServer(FakeModel())
    for at in range(0, 10, 2):
        assert server.feed(1, 1.04, at * RATE, broken()) == []
        assert server.feed(1, 1.04, (at + 1) * RATE, SECOND)


def test_the_speakers_of_a_replaced_stream_have_numbers_of_their_own() -> None:
    diarizer = Diarizer("none")
    diarizer._models = 4  # as many processes have been started
    numbers = [diarizer._number_stream(key, stream) for key, stream in ((1, 1), (1, 1), (2, 1), (1, 2))]
    assert numbers == [5, 5, 6, 7]
