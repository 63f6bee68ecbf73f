from __future__ import annotations

import numpy as np
import pytest

from surtitle.speakers.timeline import FRAME, SPEAKERS, Activity, SpeakerNumbering, Timeline


def activity(*frames: str) -> Activity:
    """Frames by who speaks in them: "", "0", "01"."""
    found = np.zeros((len(frames), SPEAKERS), dtype=np.float32)
    for number, frame in enumerate(frames):
        for slot in frame:
            found[number, int(slot)] = 0.9
    return found


def talk(*turns: tuple[str, float], start: float = 0.0) -> Timeline:
    """A timeline of turns: who, and for how many seconds."""
    timeline = Timeline(start)
    frames = [who for who, seconds in turns for _ in range(round(seconds / FRAME))]
    timeline.add(0.0, activity(*frames))
    return timeline


def test_a_word_belongs_to_its_active_speaker() -> None:
    timeline = talk(("0", 1.6), ("1", 1.6))
    assert timeline.who(0.2, 0.6) == (0,)
    assert timeline.who(1.7, 2.2) == (1,)
    assert timeline.who(1.4, 1.7) == (0,)  # most of it


def test_silence_within_a_word_is_ignored() -> None:
    """Recognizers put the beginning of a first word into the silence before it."""
    assert talk(("", 1.6), ("1", 0.4)).who(0.2, 1.9) == (1,)


def test_a_word_next_to_speech_belongs_to_its_speaker() -> None:
    timeline = talk(("", 0.8), ("2", 0.8), ("", 1.6))
    assert timeline.who(0.6, 0.79) == (2,)
    assert timeline.who(2.8, 3.0) == ()


def test_simultaneous_speakers_are_both_returned() -> None:
    timeline = talk(("0", 0.8), ("01", 0.8), ("1", 0.8))
    assert timeline.who(0.85, 1.5) == (0, 1)
    assert timeline.who(0.4, 0.95) == (0,)


def test_only_skipped_audio_stays_unknown() -> None:
    timeline = Timeline(10.0)
    timeline.add(0.0, activity("0", "0", "0"))
    timeline.add(1.6, activity("1", "1", "1"))
    assert timeline.who(10.0, 10.2) == (0,)
    assert timeline.who(10.8, 11.2) == ()
    assert timeline.who(11.6, 11.8) == (1,)
    assert timeline.known == pytest.approx(10.0 + 1.6 + 3 * FRAME)


def test_nothing_is_known_before_the_start() -> None:
    timeline = Timeline(10.0)
    timeline.add(0.0, activity("0", "0", "0"))
    assert timeline.who(9.0, 9.5) == ()


def test_old_activity_is_dropped() -> None:
    timeline = Timeline(0.0)
    for at in range(10):
        timeline.add(at * 60.0, activity(*["0"] * 750))
    assert timeline.known == pytest.approx(600.0)
    assert timeline.who(30.0, 30.5) == ()
    assert timeline.who(590.0, 590.5) == (0,)


def test_a_restarted_model_has_other_speakers() -> None:
    timeline = Timeline(0.0)
    timeline.add(0.0, activity("0", "0", "0"), model=1)
    timeline.add(0.24, activity("0", "0", "0"), model=2)
    assert timeline.who(0.0, 0.2) == (SPEAKERS,)
    assert timeline.who(0.25, 0.45) == (2 * SPEAKERS,)


def test_labels_number_the_speakers_of_a_channel_as_they_are_heard() -> None:
    labels = SpeakerNumbering()
    tab, host = labels.of("tab"), labels.of("host")
    assert [tab(0), tab(1), host(0), tab(0), host(1)] == [
        "Speaker 1",
        "Speaker 2",
        "Speaker 3",
        "Speaker 1",
        "Speaker 4",
    ]
    assert labels.of("tab")(1) == "Speaker 2"
