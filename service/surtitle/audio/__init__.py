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


def to_mono(frames: Frames) -> Samples:
    """The mean of all channels, shape (n,)."""
    return frames[:, 0] if frames.shape[1] == 1 else np.asarray(frames.mean(axis=1), dtype=np.float32)
