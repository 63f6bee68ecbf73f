"""How much of a live source's audio may wait, on a clock that the tests set."""

from __future__ import annotations

import pytest

from surtitle.channels.audio_input import AudioInput
from surtitle.core.settings import Limits
from tests.support import silence

LIMITS = Limits(lag_budget=2.0, ahead=30.0)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock()


async def live_input(clock: Clock) -> AudioInput:
    """An empty one of a client that has been live for a minute."""
    audio = AudioInput(LIMITS)
    audio._now = clock
    audio.live_start = audio._drift_until = clock.now
    for _ in range(600):
        clock.now += 0.1
        assert audio.put(silence(0.1)) == 0.0
        audio.take(10.0)
    return audio


def take_all(audio: AudioInput) -> float:
    """Seconds of audio, without what was skipped."""
    seconds = 0.0
    while not audio.empty:
        seconds += len(audio.take(10.0).samples) / 16_000
    return seconds


async def test_what_a_slow_network_delivers_at_once_is_not_skipped(clock: Clock) -> None:
    audio = await live_input(clock)
    clock.now += 8.0  # nothing arrives
    assert sum(audio.put(silence(0.1)) for _ in range(80)) == 0.0
    clock.now += 1.0  # recognition is on its way through it
    for _ in range(10):
        assert audio.put(silence(0.1)) == 0.0
    assert take_all(audio) == pytest.approx(9.0)


async def test_what_recognition_does_not_get_to_in_time_is_skipped(clock: Clock) -> None:
    audio = await live_input(clock)
    skipped = 0.0
    for _ in range(30):
        clock.now += 0.1
        skipped += audio.put(silence(0.1))
    assert skipped == pytest.approx(1.7, abs=0.2)  # when 2 s waited, until half a second remained
    assert take_all(audio) + skipped == pytest.approx(3.0)


async def test_what_arrives_at_once_is_skipped_if_recognition_cannot_keep_up(clock: Clock) -> None:
    audio = await live_input(clock)
    clock.now += 8.0
    for _ in range(80):
        assert audio.put(silence(0.1)) == 0.0
    clock.now += 2.5
    assert audio.put(silence(0.1)) > 7.0


async def test_a_client_that_was_silent_for_long_does_not_fill_the_memory(clock: Clock) -> None:
    audio = await live_input(clock)
    clock.now += 3600.0
    assert sum(audio.put(silence(1.0)) for _ in range(3600)) > 3500.0
    assert audio.waiting < LIMITS.ahead + 2.0
