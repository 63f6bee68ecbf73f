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

NAME = "resemblyzer-0.1.4-equalized"
"""Of the network and its input: prints of different ones cannot be compared."""

VoicePrint = NDArray[np.float32]
"""A vector of length 1, shape (256,). The cosine of two of them tells how similar the voices are."""

_NETWORK = Path(__file__).with_name("resemblyzer_0_1_4.onnx")
_MELS, _HOP, _FRAME_SIZE = 40, 160, 400
_MIN_LEVEL = 10 ** (-30 / 20)  # quieter speech is amplified to this level: the network takes power, not its logarithm
_MAX_GAIN = 100.0  # 40 dB
_MIN_LENGTH = 1e-6

_STRENGTH = 0.3  # how much of a difference to the usual spectrum is taken for the microphone's, not the voice's
_MAX_DIFFERENCE = 4.6  # natural logarithm of power: 20 dB; what a microphone leaves out cannot be restored
_MIN_POWER = 1e-8
_QUIET = 0.1  # of the usual power: pauses, which have the spectrum of the noise
# The average logarithm of the power in each mel band, less its mean, of 100 people (LibriSpeech train-clean-100)
_USUAL_SPECTRUM = np.array(
    [
        [3.19, 4.54, 4.82, 4.31, 3.95, 3.71, 3.24, 2.73, 2.11, 1.57],
        [1.17, 0.85, 0.53, 0.35, 0.21, 0.08, -0.12, -0.05, -0.01, 0.0],
        [-0.08, -0.26, -0.43, -0.58, -0.61, -0.63, -0.74, -0.85, -1.08, -1.36],
        [-1.56, -1.77, -2.2, -2.64, -3.06, -3.45, -3.76, -3.9, -4.03, -4.2],
    ],
    dtype=np.float32,
).reshape(_MELS)


def compute_voice_prints(windows: Samples) -> VoicePrint:
    """The voice prints of 16 kHz samples of shape (windows, 25600), all of one voice; shape (windows, 256).

    Their common spectrum is moved towards that of other people's speech, because a microphone changes it, too.
    """
    levels = np.sqrt(np.mean(windows.astype(np.float64) ** 2, axis=1, keepdims=True))
    gains = np.clip(_MIN_LEVEL / np.maximum(levels, _MIN_LEVEL / _MAX_GAIN), 1.0, _MAX_GAIN)
    padded = np.pad(windows * gains, ((0, 0), (_FRAME_SIZE // 2, _FRAME_SIZE // 2))).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME_SIZE, axis=1)[:, :WINDOW:_HOP]
    power = np.abs(np.fft.rfft(frames * _hann())).astype(np.float32) ** 2
    mels = _equalize((power @ _filters().T).astype(np.float32))
    (found,) = _session().run(None, {"mels": mels})
    return np.asarray(found, dtype=np.float32)


def _equalize(mels: Samples) -> Samples:
    """Mel powers of shape (windows, frames, bands) with a part of the difference to the usual spectrum removed."""
    frames = mels.reshape(-1, _MELS)
    loudness = frames.sum(axis=1)
    loud = frames[loudness > _QUIET * np.median(loudness)]
    if not len(loud):
        return mels
    difference = _USUAL_SPECTRUM - np.log(loud + _MIN_POWER).mean(axis=0)
    difference = np.clip(difference - difference.mean(), -_MAX_DIFFERENCE, _MAX_DIFFERENCE)
    return np.asarray(mels * np.exp(_STRENGTH * difference), dtype=np.float32)


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
