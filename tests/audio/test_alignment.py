"""Offsets between recordings of the same speech, which differ as recordings of an event do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr

from surtitle.audio import RATE, Samples
from surtitle.audio.alignment import Features, Match, align, extract_features
from surtitle.demo import SAMPLE
from surtitle.recordings.audio_file import AudioFile
from tests.support import load

PRECISION = 0.1  # seconds


@pytest.fixture(scope="module")
def speech() -> Samples:
    """A minute and a half of speech that does not repeat itself: the sample at three speeds."""
    sample = load(SAMPLE)
    return np.concatenate([soxr.resample(sample, RATE, RATE * factor) for factor in (1.0, 1.17, 0.85)])


@pytest.fixture(scope="module")
def reference(speech: Samples) -> Features:
    return features(speech)


def features(samples: Samples) -> Features:
    return extract_features(np.array_split(samples, 7))


def cut(samples: Samples, begin: float, end: float) -> Samples:
    return samples[round(begin * RATE) : round(end * RATE)]


def add_noise(samples: Samples, decibels: float) -> Samples:
    """White noise at a ratio of the speech to it."""
    level = np.sqrt(np.mean(samples**2)) * 10 ** (-decibels / 20)
    return samples + np.random.default_rng(1).normal(0, level, len(samples)).astype(np.float32)


def offsets(matches: list[Match]) -> list[float]:
    return [match.offset for match in matches]


def test_it_began_later_and_ended_earlier(speech: Samples, reference: Features) -> None:
    (match,) = align(features(cut(speech, 12.34, 60)), reference)
    assert match.offset == pytest.approx(-12.34, abs=PRECISION)
    assert match.position == 0.0
    assert match.length == pytest.approx(47.66, abs=PRECISION)


def test_it_began_earlier_and_is_longer(speech: Samples, reference: Features) -> None:
    padded = np.concatenate((np.zeros(20 * RATE, np.float32), speech, np.zeros(9 * RATE, np.float32)))
    assert offsets(align(features(add_noise(padded, 30)), reference)) == pytest.approx([20.0], abs=PRECISION)


def test_gain_and_noise_change_nothing(speech: Samples, reference: Features) -> None:
    for decibels, gain in ((20, 0.02), (10, 3.0), (3, 1.0)):
        heard = gain * add_noise(cut(speech, 5, 80), decibels)
        assert offsets(align(features(heard), reference)) == pytest.approx([-5.0], abs=PRECISION)


def test_a_codec_and_stereo_change_nothing(speech: Samples, reference: Features, tmp_path: Path) -> None:
    path = tmp_path / "talk.opus"
    file = AudioFile(path, RATE, 2, {})
    file.write(np.stack([0.3 * cut(speech, 5, 80)] * 2, axis=1))
    file.close()
    assert offsets(align(features(load(path)), reference)) == pytest.approx([-5.0], abs=PRECISION)


def test_a_telephone_and_an_echo_change_little(speech: Samples, reference: Features) -> None:
    echo = speech.copy()
    echo[RATE // 10 :] += 0.5 * speech[: -RATE // 10]
    narrow = soxr.resample(soxr.resample(cut(echo, 5, 80), RATE, 6000), 6000, RATE)
    assert offsets(align(features(narrow), reference)) == pytest.approx([-5.0], abs=PRECISION)


def test_a_recording_that_was_paused_has_several_pieces(speech: Samples, reference: Features) -> None:
    heard = np.concatenate((cut(speech, 3, 30), cut(speech, 41, 62.5), cut(speech, 64, 85)))
    matches = align(features(add_noise(heard, 15)), reference)
    assert offsets(matches) == pytest.approx([-3.0, -14.0, -15.5], abs=PRECISION)
    assert [match.position for match in matches] == pytest.approx([0.0, 27.0, 48.5], abs=0.7)


def test_a_pause_of_the_session_is_found_too(speech: Samples) -> None:
    session = features(np.concatenate((cut(speech, 0, 30), np.zeros(6 * RATE, np.float32), cut(speech, 45, 85))))
    assert offsets(align(features(speech), session)) == pytest.approx([0.0, 9.0], abs=PRECISION)


def test_clocks_that_drift_apart_are_followed(speech: Samples) -> None:
    long = np.concatenate([soxr.resample(speech, RATE, RATE * factor) for factor in (1.0, 1.07, 0.93, 1.21)])
    drifting = soxr.resample(long, RATE, RATE * 1.0005).astype(np.float32)
    matches = align(features(drifting), features(long))
    for match in matches:
        middle = match.position + match.length / 2
        assert (middle - match.offset) * 1.0005 == pytest.approx(middle, abs=PRECISION)
    assert len(matches) > 1


@pytest.mark.parametrize("seconds", [0.0, 0.01, 5.0, 40.0])
def test_other_sound_is_not_found(speech: Samples, reference: Features, seconds: float) -> None:
    count = round(seconds * RATE)
    for other in (np.zeros(count), np.random.default_rng(2).normal(0, 0.1, count), speech[::-1][:count]):
        assert align(features(other.astype(np.float32)), reference) == []
        assert align(reference, features(other.astype(np.float32))) == []
