"""Several channels become one."""

from __future__ import annotations

import numpy as np
import pytest

from surtitle.audio import RATE, to_mono


def tone(level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)


def test_two_channels_become_their_mean() -> None:
    frames = np.array([[0.25, 0.5], [-0.25, 0.25]], dtype=np.float32)
    assert to_mono(frames).tolist() == [0.375, 0.0]


def test_one_channel_stays() -> None:
    assert np.array_equal(to_mono(tone()[:, np.newaxis]), tone())


@pytest.mark.parametrize("other", [-1.0, -0.9, -0.5])
def test_channels_of_opposed_phase_are_not_silence(other: float) -> None:
    frames = np.stack((tone(), other * tone()), axis=1)
    assert np.array_equal(np.abs(to_mono(frames)), np.abs(tone()))
    assert np.array_equal(np.abs(to_mono(frames[:, ::-1])), np.abs(tone()))


@pytest.mark.parametrize("other", [1.0, 0.3, 0.0, -0.1])
def test_other_channels_are_mixed(other: float) -> None:
    frames = np.stack((tone(), other * tone()), axis=1)
    assert to_mono(frames) == pytest.approx((1 + other) / 2 * tone(), abs=1e-6)


def test_no_frames_are_no_samples() -> None:
    assert to_mono(np.zeros((0, 2), dtype=np.float32)).shape == (0,)
