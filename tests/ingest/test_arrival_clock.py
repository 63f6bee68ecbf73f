"""How long an encoder was away that begins with new timestamps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from surtitle.audio.gaps import PlacedBlock, TimedBlock, find_gaps
from surtitle.ingest.arrival_clock import ArrivalClock

RATE = 16_000


def receive(*blocks: tuple[float, float], length: float = 0.1) -> list[float]:
    """The gaps before blocks that arrive at a time with a timestamp."""
    now = 0.0

    def arrive() -> Iterator[TimedBlock]:
        nonlocal now
        for arrival, timestamp in blocks:
            now = arrival
            yield timestamp, np.zeros((round(length * RATE), 1), dtype=np.float32), RATE

    clock = ArrivalClock(lambda: now)
    placed: Iterator[PlacedBlock] = clock.follow(find_gaps(arrive(), None, 60.0, clock.find_gap))
    return [round(gap, 2) for gap, _, _ in placed]


def stream(begin: float, timestamp: float, count: int) -> list[tuple[float, float]]:
    """Blocks of 0.1 s in real time."""
    return [(begin + number / 10, timestamp + number / 10) for number in range(count)]


def test_an_encoder_that_restarts_was_away() -> None:
    gaps = receive(*stream(0.0, 1.4, 50), *stream(9.0, 1.4, 50))
    assert gaps[50] == pytest.approx(4.0, abs=0.01)
    assert sum(gaps) == gaps[50]


def test_a_new_clock_without_a_pause_leaves_no_gap() -> None:
    assert not any(receive(*stream(0.0, 100.0, 50), *stream(5.1, 7.0, 50)))


def test_segments_arrive_late_as_usual() -> None:
    """Segments of four seconds come at once. The fourth has a new clock, and so has the last, after a break."""

    def segment(arrival: float, timestamp: float) -> list[tuple[float, float]]:
        return [(arrival, timestamp + number / 10) for number in range(40)]

    gaps = receive(
        *segment(0, 8), *segment(4, 12), *segment(8.3, 16), *segment(12, 0), *segment(16, 4), *segment(28, 0)
    )
    assert [gap for gap in gaps if gap] == [pytest.approx(7.7, abs=0.01)]


def test_old_audio_at_the_beginning_does_not_count() -> None:
    burst = [(0.1, number / 10) for number in range(30)]
    gaps = receive(*burst, *stream(0.1, 3.0, 50), *stream(9.1, 0.0, 10))
    assert [gap for gap in gaps if gap] == [pytest.approx(4.0, abs=0.11)]


def test_audio_that_was_only_delayed_leaves_no_gap() -> None:
    assert not any(receive(*stream(0.0, 0.0, 50), *[(9.0, 5.0 + number / 10) for number in range(40)]))
