"""Passages of recorded speech: no speech is missing, long silences are removed, and times stay right."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.demo import SAMPLE
from surtitle.recordings.passages import Passage, Silence, split_passages, split_pieces
from surtitle.speech.vad import SileroVad
from tests.support import blocks, load, silence


class LoudVad:
    """Takes loud samples for a voice, and counts its resets."""

    def __init__(self) -> None:
        self.resets = 0

    def probability(self, chunk: Samples) -> float:
        return float(np.abs(chunk).max() > 0.1)

    def reset(self) -> None:
        self.resets += 1


def voice(seconds: float) -> Samples:
    return np.full(round(seconds * RATE), 0.5, dtype=np.float32)


def sound(*lengths: float) -> Samples:
    """Alternating silence and voice, of the given lengths in seconds."""
    parts = [voice(seconds) if place % 2 else silence(seconds) for place, seconds in enumerate(lengths)]
    return np.concatenate(parts)


def split(samples: Samples, length: float = 60.0) -> list[Passage]:
    found = split_passages(blocks(samples, RATE // 3), LoudVad(), length)
    return [passage for passage in found if isinstance(passage, Passage)]


def test_short_silences_are_kept_and_long_ones_removed() -> None:
    (passage,) = split(sound(10, 2, 1.5, 2, 30, 2, 10))
    assert len(passage.samples) / RATE == pytest.approx(2 + 1.5 + 2 + 2 + 4 * 0.5, abs=0.2)


def test_times_of_words_are_those_of_the_recording() -> None:
    (passage,) = split(sound(10, 2, 1.5, 2, 30, 2, 10))
    assert passage.to_clock(0.5, 1.0) == pytest.approx((10, 10.5), abs=0.05)
    assert {type(time) for time in passage.to_clock(np.float64(0.5), np.float64(1.0))} == {float}  # not NumPy's
    assert passage.to_clock(4.0, 4.5) == pytest.approx((13.5, 14), abs=0.05)
    assert passage.to_clock(7.0, 7.5) == pytest.approx((45.5, 46), abs=0.1)
    assert passage.end == pytest.approx(48, abs=0.1)


def test_a_word_begins_with_the_voice_and_does_not_reach_across_removed_silence() -> None:
    (passage,) = split(sound(10, 2, 30, 2, 10))
    assert passage.to_clock(0.0, 1.0)[0] == pytest.approx(9.9, abs=0.05)
    start, end = passage.to_clock(2.2, 3.1)
    assert 11 < start < end < 13


def test_words_without_a_voice_are_recognizable() -> None:
    (passage,) = split(sound(1, 2, 1.5, 2, 4))
    assert passage.voiced_seconds(3.2, 4.2) == 0
    assert passage.voiced_seconds(0.0, 60.0) == pytest.approx(4, abs=0.1)


def test_long_speech_is_cut_at_its_longest_pause() -> None:
    parts = split(sound(0.5, 20, 0.5, 20, 1.8, 10, 0.5, 30, 0.5, 10, 1), length=60)
    assert [round(part.end) for part in parts] == [42, 95]
    assert sum(len(part.samples) for part in parts) / RATE == pytest.approx(94.8, abs=0.1)


def test_speech_without_any_pause_is_cut_too() -> None:
    parts = split(sound(0, 200), length=60)
    assert all(len(part.samples) <= 61 * RATE for part in parts)
    assert sum(len(part.samples) for part in parts) == 200 * RATE


def test_parts_are_contiguous() -> None:
    (passage,) = split(sound(0.5, 5, 0.5, 5, 0.5, 5, 1))
    parts = passage.parts(7.0)
    assert len(parts) == 3
    assert sum(len(part.samples) for part in parts) == len(passage.samples)
    assert all(before.end == part.pieces[0].start / RATE for before, part in pairwise(parts))


def test_a_passage_ends_with_a_long_silence_whose_end_is_reported() -> None:
    """Of thirty hours with little speech, a person sees the progress, and continues after a stop where it was."""
    found = list(split_passages(blocks(sound(1, 2, 5, 2, 95, 2, 1), RATE), LoudVad(), 60.0))
    assert [round(one.end) for one in found] == [11, 80, 90, 100, 108]
    assert [isinstance(one, Passage) for one in found] == [True, False, False, False, True]


def test_a_passage_with_little_speech_does_not_span_hours() -> None:
    ends = [passage.end for passage in split(sound(*(length for _ in range(60) for length in (40, 2))))]
    assert all(after - before < 960 for before, after in pairwise([0.0, *ends]))
    assert ends[-1] == pytest.approx(2520, abs=1)


def test_clicks_and_silence_give_no_passages() -> None:
    assert split(sound(60, 0.03, 60)) == []
    assert split(silence(0)) == []


def test_the_detector_is_reset_after_every_few_seconds_without_a_voice() -> None:
    vad = LoudVad()
    list(split_pieces([silence(60)], vad))
    assert vad.resets == 15


def test_a_voice_that_ends_with_the_recording_is_complete() -> None:
    (passage,) = split(sound(1, 2.01))
    assert passage.end == pytest.approx(3.01, abs=0.001)
    assert passage.last_voice == pytest.approx(3.01, abs=0.05)


@pytest.mark.parametrize("bed", ["silence", "noise"])
def test_all_sentences_are_found_after_minutes_without_speech(bed: str) -> None:
    speech = (load(SAMPLE) / 10).astype(np.float32)
    before = silence(90)
    if bed == "noise":
        before = np.random.default_rng(1).normal(0, 0.002, len(before)).astype(np.float32)
    (alone,) = split_passages([speech], SileroVad(), 60.0)
    *silences, after = split_passages([np.concatenate((before, speech))], SileroVad(), 60.0)
    assert isinstance(alone, Passage)
    assert isinstance(after, Passage)
    assert all(isinstance(one, Silence) for one in silences)
    assert len(after.samples) / RATE == pytest.approx(len(alone.samples) / RATE, abs=2)
    assert after.pieces[0].start / RATE == pytest.approx(90 + alone.pieces[0].start / RATE, abs=0.5)
