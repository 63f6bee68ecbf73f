from __future__ import annotations

import numpy as np

from surtitle.audio import RATE, Frames
from surtitle.audio.gaps import TimedBlock, fill_gaps, find_gaps

DAY = 86_400.0


def sound(seconds: float, rate: int = RATE) -> Frames:
    return np.ones((round(seconds * rate), 1), dtype=np.float32)


def place(*blocks: TimedBlock, start: float | None = 0.0, max_gap: float = DAY) -> list[tuple[float, float]]:
    """The gap before each block, and the block's length, in seconds."""
    return [
        (round(gap, 3), round(len(frames) / rate, 3)) for gap, frames, rate in find_gaps(iter(blocks), start, max_gap)
    ]


def test_blocks_without_gaps_are_unchanged() -> None:
    assert place((0.0, sound(1), RATE), (None, sound(1), RATE), (2.03, sound(1), RATE)) == [(0, 1), (0, 1), (0, 1)]


def test_a_late_beginning_and_a_gap_are_found() -> None:
    assert place((7.0, sound(1), RATE), (10.0, sound(1), RATE), start=5.0) == [(2, 1), (2, 1)]


def test_without_a_start_the_clock_begins_with_the_first_timestamp() -> None:
    assert place((7e6, sound(1), RATE), (7e6 + 3, sound(1), RATE), start=None) == [(0, 1), (2, 1)]


def test_small_overlaps_are_heard_once() -> None:
    assert place((0.0, sound(2), RATE), (1.6, sound(2), RATE), (3.6, sound(1), RATE)) == [(0, 2), (0, 1.6), (0, 1)]


def test_a_clock_that_restarts_continues_where_it_ended() -> None:
    """Such as recordings of a few seconds one after the other, or a counter that wraps around."""
    assert place((0.0, sound(2), RATE), (0.0, sound(1), RATE), (1.5, sound(1), RATE)) == [(0, 2), (0, 1), (0.5, 1)]


def test_a_step_that_is_too_large_is_not_followed() -> None:
    blocks = ((0.0, sound(1), RATE), (5000.0, sound(1), RATE), (5001.5, sound(1), RATE))
    assert place(*blocks, max_gap=3600.0) == [(0, 1), (0, 1), (0.5, 1)]


def test_a_gap_becomes_silence_of_its_rate() -> None:
    blocks = find_gaps([(0.0, sound(1), RATE), (31.0, sound(1, 8000), 8000)], 0.0, DAY)
    filled = list(fill_gaps(blocks))
    assert [rate for _, rate in filled] == [RATE, 8000, 8000, 8000, 8000]  # of at most ten seconds
    assert sum(len(samples) / rate for samples, rate in filled) == 32.0
    assert all(samples.any() == (index in (0, 4)) for index, (samples, _) in enumerate(filled))
