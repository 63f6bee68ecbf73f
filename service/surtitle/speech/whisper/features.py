"""Whisper's log-mel features, each frame computed once.

Source: Radford et al. 2022, and the reference implementation for the constants. The filters are
those of faster-whisper, so that a model hears here what it hears there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from surtitle.audio import RATE, Samples

HOP = 160
"""Samples from one frame to the next: 10 ms at 16 kHz."""

_SIZE = 400  # samples under one frame's window
_FLOOR = 1e-10
_RANGE = 8.0  # decades below the loudest that are told apart

Frames = npt.NDArray[np.float32]


class LogMel:
    """The frames of a window that grows at its end and shrinks at its start.

    A frame is centred on its sample, so the last two frames wait for what follows them.
    """

    def __init__(self, mels: int) -> None:
        from faster_whisper.feature_extractor import FeatureExtractor

        self._filters = FeatureExtractor.get_mel_filters(RATE, _SIZE, mels).astype(np.float32)
        self._hann = np.hanning(_SIZE + 1)[:-1].astype(np.float32)
        self.clear()

    def __len__(self) -> int:
        return len(self._frames)

    def clear(self) -> None:
        """Begin a new window with silence before it."""
        self._frames = np.zeros((0, len(self._filters)), dtype=np.float32)
        self._rest = np.zeros(_SIZE // 2, dtype=np.float32)

    def feed(self, samples: Samples) -> None:
        """``samples`` (16 kHz mono) follow."""
        audio = np.concatenate((self._rest, samples))
        count = max(0, (len(audio) - _SIZE) // HOP + 1)
        self._rest = audio[count * HOP :]
        if count:
            windows = np.lib.stride_tricks.sliding_window_view(audio, _SIZE)[: count * HOP : HOP]
            power = np.abs(np.fft.rfft(windows * self._hann)).astype(np.float32) ** 2
            frames = np.log10(np.maximum(power @ self._filters.T, _FLOOR))
            self._frames = np.concatenate((self._frames, frames))

    def drop(self, frames: int) -> None:
        """Forget the oldest ``frames``."""
        self._frames = self._frames[frames:]

    def features(self) -> Frames:
        """The window as Whisper wants it, shape (mels, frames): scaled by its loudest point."""
        if not len(self._frames):
            return np.zeros((len(self._filters), 0), dtype=np.float32)
        scaled = (np.maximum(self._frames, self._frames.max() - _RANGE) + 4.0) / 4.0
        return np.ascontiguousarray(scaled.T, dtype=np.float32)
