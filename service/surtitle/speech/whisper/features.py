"""Whisper's log-mel features, each frame computed once.

Source: Radford et al. 2022, and their reference implementation for the constants.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from surtitle.audio import Samples
from surtitle.speech.whisper.mel_filters import compute_mel_filters

HOP = 160
"""Samples from one frame to the next: 10 ms at 16 kHz."""

_FRAME_SIZE = 400  # samples from which one frame is computed
_QUIET_FRAMES = 10  # in a tenth of a second
_MIN_POWER = 1e-10
_MAX_DECADES = 8.0  # decades of power below the loudest point; anything lower counts as equally quiet

Frames = npt.NDArray[np.float32]


class LogMel:
    """The frames of a window that grows at its end and shrinks at its start.

    A frame is centered on its sample, so the last two frames are only computed when more audio follows.
    """

    def __init__(self, mels: int) -> None:
        self._filters = compute_mel_filters(_FRAME_SIZE, mels)
        self._hann = np.hanning(_FRAME_SIZE + 1)[:-1].astype(np.float32)
        self.clear()

    def __len__(self) -> int:
        return len(self._frames)

    def clear(self) -> None:
        """Start a new, empty window with silence before it."""
        self._frames = np.zeros((0, len(self._filters)), dtype=np.float32)
        self._unused = np.zeros(_FRAME_SIZE // 2, dtype=np.float32)

    def feed(self, samples: Samples) -> None:
        """Append ``samples`` (16 kHz mono) to the window."""
        audio = np.concatenate((self._unused, samples))
        count = max(0, (len(audio) - _FRAME_SIZE) // HOP + 1)
        self._unused = audio[count * HOP :]
        if count:
            windows = np.lib.stride_tricks.sliding_window_view(audio, _FRAME_SIZE)[: count * HOP : HOP]
            power = np.abs(np.fft.rfft(windows * self._hann)).astype(np.float32) ** 2
            frames = np.log10(np.maximum(power @ self._filters.T, _MIN_POWER))
            self._frames = np.concatenate((self._frames, frames))

    def drop(self, frames: int) -> None:
        """Drop that many of the oldest frames."""
        self._frames = self._frames[frames:]

    def find_quietest(self, start: int, end: int) -> int:
        """The middle of the quietest tenth of a second among the frames from ``start`` to ``end``."""
        levels = self._frames[start:end].mean(axis=1)
        width = min(_QUIET_FRAMES, len(levels))
        return start + width // 2 + int(np.argmin(np.convolve(levels, np.ones(width) / width, "valid")))

    def features(self) -> Frames:
        """The window as Whisper's input, shape (mels, frames), scaled relative to its loudest point."""
        if not len(self._frames):
            return np.zeros((len(self._filters), 0), dtype=np.float32)
        scaled = (np.maximum(self._frames, self._frames.max() - _MAX_DECADES) + 4.0) / 4.0
        return np.ascontiguousarray(scaled.T, dtype=np.float32)
