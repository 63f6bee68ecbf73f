"""The triangular filters that sum a power spectrum into mel bands, by Slaney's formula, as Whisper was trained with.

The mel scale is linear up to 1000 Hz, and logarithmic above: a factor of 6.4 is 27 mel. Source: Slaney's Auditory
Toolbox 1998; librosa's `filters.mel` and faster-whisper compute the same.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from surtitle.audio import RATE

_HZ_PER_MEL = 200.0 / 3  # below the break
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0  # per mel, above the break
_MAX_MEL = 45.245640471924965  # half the sample rate, 8000 Hz


def compute_mel_filters(frame_size: int, mels: int) -> npt.NDArray[np.float32]:
    """The weight of each frequency in each band, shape (mels, frame_size // 2 + 1), each band of about equal energy."""
    scale = np.linspace(0.0, _MAX_MEL, mels + 2)
    edges = _HZ_PER_MEL * scale
    above = scale >= _BREAK_MEL
    edges[above] = _BREAK_HZ * np.exp(_LOG_STEP * (scale[above] - _BREAK_MEL))
    distances = edges[:, np.newaxis] - np.fft.rfftfreq(frame_size, 1.0 / RATE)
    widths = np.diff(edges)[:, np.newaxis]
    rising, falling = -distances[:-2] / widths[:-1], distances[2:] / widths[1:]
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights *= (2.0 / (edges[2:] - edges[:-2]))[:, np.newaxis]
    return weights.astype(np.float32)
