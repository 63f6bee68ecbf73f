"""Resampling to the service's sample rate."""

from __future__ import annotations

import numpy as np
import soxr

from surtitle.audio import RATE, Samples


class Resampler:
    """A stateful, filtered resampler to 16 kHz mono.

    libsoxr keeps the exact ratio across calls, so an hour of audio in pieces gives the same
    number of samples, at the same positions, as in one piece.
    """

    def __init__(self, rate: int) -> None:
        self._stream = None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="HQ")

    def feed(self, samples: Samples) -> Samples:
        """Add ``samples``, and return the 16 kHz samples that are ready, shape (m,)."""
        if self._stream is None:
            return samples
        return np.asarray(self._stream.resample_chunk(samples), dtype=np.float32)

    def finish(self) -> Samples:
        """The samples that are still in the filter."""
        if self._stream is None:
            return np.zeros(0, dtype=np.float32)
        return np.asarray(self._stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True), dtype=np.float32)
