"""Which audio voice prints are made of."""

from __future__ import annotations

import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.speakers.timeline import FRAME, SPEAKERS, Activity
from surtitle.speakers.voice_encoder import SIZE, WINDOW, VoicePrint
from surtitle.speakers.voice_tracker import VoiceTracker

PER_FRAME = round(FRAME * RATE)


def level(windows: Samples) -> VoicePrint:
    """Instead of voice prints: the level of each window as an angle, so that averages show what was mixed."""
    prints = np.zeros((len(windows), SIZE), dtype=np.float32)
    prints[:, 0], prints[:, 1] = np.cos(windows.mean(axis=1)), np.sin(windows.mean(axis=1))
    return prints


def tone(value: float, seconds: float) -> Samples:
    return np.full(round(seconds / FRAME) * PER_FRAME, value, dtype=np.float32)


def active(seconds: float, *slots: int) -> Activity:
    found = np.zeros((round(seconds / FRAME), SPEAKERS), dtype=np.float32)
    found[:, list(slots)] = 0.9
    return found


def heard(tracker: VoiceTracker) -> dict[int, tuple[float, float]]:
    """The level and the seconds of each voice."""
    return {
        key: (round(float(np.arctan2(voice.print[1], voice.print[0])), 3), round(voice.seconds, 3))
        for key, voice in tracker.voices().items()
    }


def test_a_voice_is_made_of_what_a_speaker_says_alone() -> None:
    tracker = VoiceTracker(level)
    tracker.put(0, np.concatenate((tone(0.1, 8), tone(0.9, 8), tone(0.5, 8), tone(0.1, 8))))
    tracker.add(0, np.concatenate((active(8, 0), active(8, 0, 1), active(8, 1), active(8, 0))))
    assert heard(tracker) == {0: (0.1, 16.0), 1: (0.5, 8.0)}


def test_activity_may_come_later_and_in_other_pieces() -> None:
    changes: list[None] = []
    tracker = VoiceTracker(level, lambda: changes.append(None))
    sound = tone(0.2, 12)
    for at in range(0, len(sound), 1000):
        tracker.put(at, sound[at : at + 1000])
    for frame in range(0, 150, 5):
        tracker.add(frame * PER_FRAME, active(5 * FRAME, 2), model=3)
    assert heard(tracker) == {3 * SPEAKERS + 2: (0.2, 12.0)}
    assert len(changes) == 2, "after 6.4 s, and after 12 s"


def test_lost_audio_is_left_out() -> None:
    tracker = VoiceTracker(level)
    tracker.put(0, tone(0.2, 4))
    tracker.put(6 * RATE, tone(0.2, 4))
    tracker.add(0, active(10, 0))
    assert heard(tracker) == {0: (0.2, 8.0)}


def test_an_uncertain_frame_does_not_count() -> None:
    tracker = VoiceTracker(level)
    tracker.put(0, tone(0.2, 16))
    activity = active(16, 0)
    activity[: len(activity) // 2, 1] = 0.4
    tracker.add(0, activity)
    assert heard(tracker) == {0: (0.2, 8.0)}


def test_a_minute_of_a_voice_is_enough() -> None:
    computed: list[int] = []

    def compute(windows: Samples) -> VoicePrint:
        computed.append(len(windows))
        return level(windows)

    tracker = VoiceTracker(compute)
    for at in range(0, 200 * RATE, 4 * RATE):
        tracker.put(at, tone(0.2, 4))
        tracker.add(at, active(4, 0))
    ((_, seconds),) = heard(tracker).values()
    assert seconds == pytest.approx(60.0, abs=6.0)
    assert sum(computed) * WINDOW / 2 < 66 * RATE
