"""When the lag of sources means that a model is too slow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from surtitle.models.lag import LagMonitor, SourcePace


def seconds_until(
    lag: Callable[[float], float], skipped: Callable[[float], float], model: str = "base"
) -> float | None:
    """When the monitor of `base` decides, with one source that has this lag and skipped audio at each second."""
    monitor = LagMonitor("base", 0.0)
    for now in range(2, 600, 2):
        if monitor.observe(now, [SourcePace("a", model, float(now), lag(now), skipped(now))]):
            return float(now)
    return None


def nothing(now: float) -> float:
    return 0.0


def test_a_source_that_keeps_up_is_fine() -> None:
    assert seconds_until(lambda now: 1.5, nothing) is None


def test_lasting_lag_is_too_slow() -> None:
    decided = seconds_until(lambda now: 8.0, nothing)
    assert decided is not None
    assert 20 <= decided <= 50


def test_audio_that_is_skipped_repeatedly_is_too_slow() -> None:
    assert seconds_until(nothing, lambda now: 3.0 * (now // 4)) is not None


@pytest.mark.parametrize("burst", [(0, 36), (100, 116)])
def test_a_short_burst_is_fine(burst: tuple[int, int]) -> None:
    assert seconds_until(lambda now: 9.0 if burst[0] <= now < burst[1] else 0.5, nothing) is None


def test_occasional_bursts_are_fine() -> None:
    assert seconds_until(lambda now: 9.0 if now % 60 < 10 else 0.5, nothing) is None


def test_lag_half_of_the_time_is_too_slow() -> None:
    assert seconds_until(lambda now: 9.0 if now % 20 < 10 else 0.5, nothing) is not None


def test_other_models_do_not_count() -> None:
    assert seconds_until(lambda now: 9.0, nothing, model="small") is None


def test_a_new_source_may_catch_up() -> None:
    monitor = LagMonitor("base", 0.0)
    for now in range(2, 600, 2):
        assert not monitor.observe(now, [SourcePace(str(now // 15), "base", now % 15, 9.0, 0.0)])


def test_time_asleep_is_not_lag() -> None:
    monitor = LagMonitor("base", 0.0)
    for now in (2, 100, 10_000):
        assert not monitor.observe(now, [SourcePace("a", "base", 100.0, 9.0, 0.0)])
