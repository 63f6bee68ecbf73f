"""Voice activity detection with the Silero network, run by onnxruntime.

The network's state is an input and an output, so one session serves all sources. The file is included in Surtitle
(docs/decisions.md).
"""

from __future__ import annotations

from collections import deque
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from surtitle.audio import RATE, Samples

CHUNK = 512
"""Samples for which one probability is computed: 32 ms at 16 kHz."""

_NETWORK = Path(__file__).with_name("silero_vad") / "silero_vad_v6.onnx"
_CONTEXT = 64  # samples of the previous chunk that the network expects before each chunk
_STATE = (1, 1, 128)
_MIN_PROBABILITY = 0.35  # from which a chunk may be speech
_MAX_AGE = round(5.0 * RATE / CHUNK)  # chunks after which the state is renewed in the next pause
_MIN_PAUSE = round(1.0 * RATE / CHUNK)  # chunks without voice that make a pause: longer than any pause in an utterance
_WARM_UP = (
    _MIN_PAUSE  # recent chunks fed to a new state, so that it detects an onset at once but ignores earlier voices
)

_State = NDArray[np.float32]


class Vad(Protocol):
    """Distinguishes speech from other sound, one chunk at a time."""

    def probability(self, chunk: Samples) -> float:
        """Probability of speech in ``chunk``, shape (512,), which follows the previous one."""

    def reset(self) -> None:
        """Reset the state, as before the first chunk."""


class SileroVad:
    """The state of one source in the shared network.

    Over minutes of silence, noise, music or talk, the network's recurrent state drifts until it misses quiet speech,
    and then all speech. In a pause, the state is therefore replaced by one that has processed only the last second.
    """

    def __init__(self) -> None:
        self._session = _session()
        self._recent: deque[Samples] = deque(maxlen=_WARM_UP)  # chunks with their contexts
        self.reset()

    def reset(self) -> None:
        self._h, self._c = _make_state(), _make_state()
        self._context = np.zeros(_CONTEXT, dtype=np.float32)
        self._recent.clear()
        self._age = 0  # chunks that the state has processed
        self._quiet = 0  # latest chunks without voice

    def probability(self, chunk: Samples) -> float:
        window = np.concatenate((self._context, chunk))
        self._context = chunk[-_CONTEXT:]
        self._recent.append(window)
        probability, self._h, self._c = self._run(window[np.newaxis], self._h, self._c)
        self._age += 1
        self._quiet = 0 if probability >= _MIN_PROBABILITY else self._quiet + 1
        if self._age >= _MAX_AGE and self._quiet >= _MIN_PAUSE:
            _, self._h, self._c = self._run(np.stack(self._recent), _make_state(), _make_state())
            self._age = 0
        return probability

    def _run(self, windows: Samples, h: _State, c: _State) -> tuple[float, _State, _State]:
        """The probability of the last of ``windows``, shape (n, 576), and the state after it."""
        probabilities, h, c = self._session.run(None, {"input": windows, "h": h, "c": c})
        return float(probabilities.reshape(-1)[-1]), h, c


def _make_state() -> _State:
    return np.zeros(_STATE, dtype=np.float32)


@cache  # the network itself is stateless, so one session serves all sources
def _session() -> Any:
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(_NETWORK, options, providers=["CPUExecutionProvider"])
