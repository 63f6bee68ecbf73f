from __future__ import annotations

import numpy as np

from surtitle.audio import RATE
from surtitle.audio.ring import RecentAudio


def test_the_last_seconds_are_kept() -> None:
    recent = RecentAudio(seconds=2.0)
    for second in range(5):
        recent.put(np.full(RATE, second / 10, dtype=np.float32))
    assert np.allclose(recent.between(4.0, 4.5), 0.4, atol=1e-3)
    assert len(recent.between(3.5, 4.5)) == RATE
    assert np.allclose(recent.between(3.5, 4.0), 0.3, atol=1e-3)
    assert recent.between(0.0, 1.0).size == 0
    assert len(recent.between(4.5, 9.0)) == RATE // 2


def test_a_gap_is_silence() -> None:
    recent = RecentAudio(seconds=2.0)
    recent.put(np.full(RATE, 0.5, dtype=np.float32))
    recent.skip(RATE // 2)
    assert np.allclose(recent.between(0.9, 1.0), 0.5, atol=1e-3)
    recent.skip(3600 * RATE)
    recent.put(np.full(RATE, 0.7, dtype=np.float32))
    assert not recent.between(3600.0, 3601.5).any()
    assert np.allclose(recent.between(3601.5, 3602.5), 0.7, atol=1e-3)
