from __future__ import annotations

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from surtitle.audio import RATE, Samples
from surtitle.speech.whisper.features import HOP, LogMel
from surtitle.speech.whisper.mel_filters import compute_mel_filters
from tests.support import blocks


def sound(seconds: float) -> Samples:
    times = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(1).standard_normal(len(times))
    return (0.3 * np.sin(2 * np.pi * 300 * times * (1 + times)) + 0.01 * noise).astype(np.float32)


@pytest.mark.parametrize("size", [37, 160, 1600, 100_000])
def test_frames_match_faster_whisper_for_any_block_size(size: int) -> None:
    mel = LogMel(80)
    for block in blocks(sound(3.0), size):
        mel.feed(block)
    ours, theirs = mel.features(), FeatureExtractor()(sound(3.0))
    assert ours.shape == (80, len(mel))
    assert len(mel) in (298, 299, 300)
    # the first two frames look at what was before, which we take for silence and they for a mirror
    np.testing.assert_allclose(ours[:, 2:], theirs[:, 2 : len(mel)], atol=1e-3)


@pytest.mark.parametrize("mels", [80, 128])
def test_filters_equal_those_of_faster_whisper(mels: int) -> None:
    np.testing.assert_array_equal(compute_mel_filters(400, mels), FeatureExtractor(feature_size=mels).mel_filters)


def test_dropped_frames_are_not_computed_again() -> None:
    whole, half = LogMel(80), LogMel(80)
    for mel in (whole, half):
        mel.feed(sound(2.0))
    half.drop(50)
    for mel in (whole, half):
        mel.feed(sound(1.0))
    np.testing.assert_array_equal(half.features(), whole.features()[:, 50:])
    assert len(half) == len(whole) - 50


def test_a_new_window_is_empty_and_silence_is_flat() -> None:
    mel = LogMel(128)
    mel.feed(sound(1.0))
    mel.clear()
    assert mel.features().shape == (128, 0)
    mel.feed(np.zeros(10 * HOP, dtype=np.float32))
    assert np.ptp(mel.features()) == 0
