"""Voice activity detection: silero's network, run by onnxruntime.

The silero-vad package needs torch to run the same network; faster-whisper carries it as an ONNX
file with its state as inputs, which makes one session serve all sources (docs/decisions.md).
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime

from service.audio import Samples
from service.errors import EngineError

CHUNK = 512
"""Samples in one decision: 32 ms at 16 kHz."""

_CONTEXT = 64  # samples of the chunk before that the network wants to see again
_STATE = (1, 1, 128)


class Vad(Protocol):
    """Tells speech from the rest, a chunk at a time."""

    def probability(self, chunk: Samples) -> float:
        """Probability of speech in ``chunk``, shape (512,), that follows the one before."""

    def reset(self) -> None:
        """Forget what was heard."""


class SileroVad:
    """One listener's state over the shared network."""

    def __init__(self) -> None:
        self._session = _session()
        self.reset()

    def reset(self) -> None:
        self._h = np.zeros(_STATE, dtype=np.float32)
        self._c = np.zeros(_STATE, dtype=np.float32)
        self._context = np.zeros(_CONTEXT, dtype=np.float32)

    def probability(self, chunk: Samples) -> float:
        window = np.concatenate((self._context, chunk))[np.newaxis]
        self._context = chunk[-_CONTEXT:]
        probability, self._h, self._c = self._session.run(None, {"input": window, "h": self._h, "c": self._c})
        return float(probability.reshape(-1)[0])


@cache  # the network has no state of its own: loading it twice would only cost memory
def _session() -> Any:
    spec = importlib.util.find_spec("faster_whisper")  # its place, without importing all of it
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = [path for place in places for path in Path(place).glob("assets/silero_vad*.onnx")]
    if not found:
        raise EngineError("The voice detector's network is missing: run `make install` again.")
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(found[0]), options, providers=["CPUExecutionProvider"])
