"""Voice prints: vectors by which voices can be compared, computed by Resemblyzer's voice encoder with onnxruntime.

The network is included in Surtitle (docs/decisions.md). Source: Wan et al. 2018, "Generalized End-to-End Loss for
Speaker Verification", and Resemblyzer for the constants.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from surtitle.audio import RATE, Samples
from surtitle.speech.whisper.mel_filters import compute_mel_filters

WINDOW = round(1.6 * RATE)
"""Samples from which one voice print is computed."""

SIZE = 256
"""Numbers in a voice print."""

NAME = "resemblyzer-0.1.4"
"""Of the network: prints of different networks cannot be compared."""

VoicePrint = NDArray[np.float32]
"""A vector of length 1, shape (256,). The cosine of two of them tells how similar the voices are."""

_NETWORK = Path(__file__).with_name("resemblyzer_0_1_4.onnx")
_MELS, _HOP, _FRAME_SIZE = 40, 160, 400
_MIN_LEVEL = 10 ** (-30 / 20)  # quieter speech is amplified to this level: the network takes power, not its logarithm
_MAX_GAIN = 100.0  # 40 dB
_MIN_LENGTH = 1e-6


def compute_voice_prints(windows: Samples) -> VoicePrint:
    """The voice prints of 16 kHz samples of shape (windows, 25600), each of one voice; shape (windows, 256)."""
    levels = np.sqrt(np.mean(windows.astype(np.float64) ** 2, axis=1, keepdims=True))
    gains = np.clip(_MIN_LEVEL / np.maximum(levels, _MIN_LEVEL / _MAX_GAIN), 1.0, _MAX_GAIN)
    padded = np.pad(windows * gains, ((0, 0), (_FRAME_SIZE // 2, _FRAME_SIZE // 2))).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME_SIZE, axis=1)[:, :WINDOW:_HOP]
    power = np.abs(np.fft.rfft(frames * _hann())).astype(np.float32) ** 2
    mels = power @ _filters().T
    (found,) = _session().run(None, {"mels": mels.astype(np.float32)})
    return np.asarray(found, dtype=np.float32)


def normalize(vector: NDArray[np.floating[Any]]) -> VoicePrint:
    """The vector with length 1."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), _MIN_LENGTH), dtype=np.float32)


@cache
def _hann() -> Samples:
    return np.hanning(_FRAME_SIZE + 1)[:-1].astype(np.float32)


@cache
def _filters() -> Samples:
    return compute_mel_filters(_FRAME_SIZE, _MELS)


@cache
def _session() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # recognition needs the others
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(_NETWORK), options, providers=["CPUExecutionProvider"])
