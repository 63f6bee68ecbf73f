"""When the audio of a stream was spoken, by its timestamps and by the time at which it arrives."""

from __future__ import annotations

import pytest

from surtitle.ingest.stream_clock import StreamClock


def received(timestamp: float | None = 500.0) -> StreamClock:
    """A stream that was opened at 100 with audio six seconds old, of which 20 seconds were received."""
    clock = StreamClock()
    assert clock.missing(100.0) == 0.0
    assert clock.begin(100.0, 6.0, timestamp) == 6.0
    clock.advance(20.0)  # spoken from 94 to 114
    return clock


def test_timestamps_that_continue_tell_the_age_exactly() -> None:
    """The playlist begins at another place in its segment than the first time."""
    assert received().begin(125.0, 6.0, 523.5) == pytest.approx(7.5)


@pytest.mark.parametrize("timestamp", [1.4, 480.0, None])
def test_a_new_clock_tells_nothing(timestamp: float | None) -> None:
    assert received().begin(125.0, 6.0, timestamp) == 6.0


def test_audio_is_missing_since_the_last_that_was_received() -> None:
    clock = received()
    assert clock.missing(122.0) == pytest.approx(8.0)
    assert clock.missing(1000.0) == 60.0
    clock.begin(125.0, 12.0, None)
    assert clock.missing(125.0) == pytest.approx(12.0)
