"""What is derived from statuses of OBS's recording, compared with what a simulated OBS did."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from surtitle.captions.fit import Piece
from surtitle.closed_captions.record_clock import RecordClock, RecordStatus


class SimulatedRecording:
    """Begins at ``start``, and is paused between each pair of ``pauses``, on the channel's clock.

    Its encoder holds back ``lag`` seconds.
    """

    def __init__(self, start: float, *pauses: tuple[float, float], lag: float = 0.0) -> None:
        self._start, self._pauses, self._lag = start, pauses, lag

    def seen(self, clock: float) -> RecordStatus:
        """The status as OBS reports it."""
        now = self.status(clock)
        return replace(now, position=max(0.0, self.status(max(self._start, clock - self._lag)).position))

    def status(self, clock: float) -> RecordStatus:
        if clock < self._start:
            return RecordStatus(active=False)
        paused = [max(0.0, min(clock, end) - begin) for begin, end in self._pauses]
        now = any(begin <= clock < end for begin, end in self._pauses)
        return RecordStatus(True, now, clock - self._start - sum(paused))


def follow(simulated: SimulatedRecording, end: float, step: float = 1.0, jitter: float = 0.0) -> RecordClock:
    chance, found, clock = random.Random(3), RecordClock(), 0.0
    while clock < end:
        found.note(simulated.seen(clock), clock + chance.uniform(0, jitter))
        clock += step
    return found


def position(pieces: tuple[Piece, ...], clock: float) -> float | None:
    return next((clock + one.offset for one in reversed(pieces) if one.start <= clock < one.end), None)


@pytest.mark.parametrize("lag", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("jitter", [0.0, 0.05])
def test_a_recording_that_is_paused_twice(jitter: float, lag: float) -> None:
    simulated = SimulatedRecording(7.3, (20.25, 31.5), (45.1, 47.9), lag=lag)
    pieces = follow(simulated, 60, step=0.25, jitter=jitter).pieces
    assert len(pieces) == 3
    for clock in range(0, 60, 1):
        status, found = simulated.status(clock + 0.5), position(pieces, clock + 0.5)
        if status.active and not status.paused and found is not None:
            assert found == pytest.approx(status.position, abs=0.3)
        else:
            assert found is None or abs(found - status.position) < 0.5  # at an edge
    assert math.isinf(pieces[-1].length)


def test_it_began_before_the_channel() -> None:
    pieces = follow(SimulatedRecording(-100.0), 10).pieces
    assert [(one.start, one.position) for one in pieces] == [(-100.0, 0.0)]


@pytest.mark.parametrize("lag", [0.0, 0.4])
def test_a_pause_between_two_statuses_is_found(lag: float) -> None:
    pieces = follow(SimulatedRecording(0.0, (20.2, 20.9), lag=lag), 40).pieces
    assert len(pieces) == 2
    assert position(pieces, 30.0) == pytest.approx(29.3, abs=0.31)
    assert position(pieces, 5.0) == pytest.approx(5.0)


def test_the_end_is_the_length_of_the_file() -> None:
    clock = follow(SimulatedRecording(2.0), 10)
    assert clock.note(RecordStatus(active=False), 10.4)
    (piece,) = clock.pieces
    assert (piece.start, piece.position, piece.length) == pytest.approx((2.0, 0.0, 8.4))
    assert not clock.note(RecordStatus(active=False), 12.0)


def test_clocks_that_drift_apart_are_followed() -> None:
    clock = RecordClock()
    for second in range(8 * 3600):
        clock.note(RecordStatus(True, False, second * 1.0001), float(second))  # 2.9 s in eight hours
    assert len(clock.pieces) < 30
    assert position(clock.pieces, 28_000.0) == pytest.approx(28_002.8, abs=0.35)


def test_another_recording_is_told_apart() -> None:
    clock = follow(SimulatedRecording(0.0), 20)
    assert not clock.is_another(RecordStatus(True, True, 19.0))
    assert clock.is_another(RecordStatus(True, False, 0.5))
    assert not clock.is_another(RecordStatus(active=False))


def test_it_is_continued_after_a_restart() -> None:
    simulated = SimulatedRecording(1.0, (10.0, 12.0), (50.0, 60.0))
    stored = follow(simulated, 30).pieces
    clock = RecordClock(stored)
    assert not clock.note(simulated.status(40.0), 40.0)
    clock.note(simulated.status(65.0), 65.0)
    assert position(clock.pieces, 65.0) == pytest.approx(simulated.status(65.0).position)
