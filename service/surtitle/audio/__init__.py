"""Audio of any format in, 16 kHz mono float32 samples with a sample clock out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""The sample rate inside the service, Hz."""

RATES = range(8_000, 192_001)
"""The sample rates that are accepted, Hz."""

Samples = NDArray[np.float32]
"""Mono audio, shape (n,), values in [-1, 1]."""

Frames = NDArray[np.float32]
"""Audio with its original channels, shape (n, channels), values in [-1, 1]."""


_OPPOSED = -0.5
"""The correlation of two channels below which their mean would be quieter than half of a channel."""


def to_mono(frames: Frames) -> Samples:
    """The mean of all channels, shape (n,), or the louder one of two whose phases are opposed: the mean is silence."""
    if frames.shape[1] == 1:
        return frames[:, 0]
    if frames.shape[1] == 2:
        left, right = (float(energy) for energy in np.einsum("nc,nc->c", frames, frames))
        if 2 * float(frames[:, 0] @ frames[:, 1]) < _OPPOSED * (left + right):
            return np.ascontiguousarray(frames[:, int(right > left)])
    return np.asarray(frames.mean(axis=1), dtype=np.float32)
