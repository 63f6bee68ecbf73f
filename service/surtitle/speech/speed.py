"""Measures how fast this computer runs a model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from surtitle.speech.whisper.model import Prompt, WhisperModel

_FRAMES = 1000  # of features, 10 s: about the length of a window of live speech
_TOKENS = 20  # in the text of such a window
_MAX_ATTEMPTS = 2  # the faster one is used
_MAX_FIRST_SECONDS = 1.5  # seconds; a first attempt that takes longer is not repeated
_MAX_DECODING = 0.6  # seconds; base on one core of a server needs 0.25, tiny.en half of it


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds that this computer needs to encode 10 s, and for one token; ``lagged``: live captions fell behind."""

    encode: float
    token: float
    lagged: bool = False

    @property
    def decoding(self) -> float:
        """Seconds for one decoding of a whole window."""
        return self.encode + _TOKENS * self.token

    @property
    def too_slow(self) -> bool:
        """Whether live captions would fall behind."""
        return self.lagged or self.decoding > _MAX_DECODING

    def allows(self, times: float) -> bool:
        """Whether a model that costs ``times`` as much would be fast enough."""
        return not self.lagged and self.decoding * times <= _MAX_DECODING

    def __str__(self) -> str:
        if self.lagged:
            return "captions fell behind"
        return f"decoding 10 s takes {self.decoding:.1f} s of at most {_MAX_DECODING:.1f} s"


def measure(model: WhisperModel, threads: int) -> Speed:
    """Time a loaded model; takes a second or two, call in a thread.

    ``threads`` is the number of threads that one decoding uses. Raises RuntimeError and ValueError if the model fails.
    """
    threads = threads if model.on_cpu else 0
    features = np.zeros((1, model.mels, _FRAMES), dtype=np.float32)
    start, end = (model.tokenizer.token_to_id(token) for token in ("<|startoftranscript|>", "<|endoftext|>"))
    if start is None or end is None:
        raise ValueError("its tokenizer is not Whisper's")
    encode = token = math.inf
    began = time.perf_counter()
    for _ in range(_MAX_ATTEMPTS):
        seconds, encoded = _time_work(lambda: model.encode(features, to_cpu=True), threads)
        encode = min(encode, seconds)
        # the content of the tokens does not matter; the end of the text is suppressed so that all are generated
        generate = partial(
            model.generate, encoded, [Prompt((start,))], max_tokens=_TOKENS, suppressed=[end], allow_blank=True
        )
        seconds, result = _time_work(generate, threads)
        token = min(token, seconds / max(1, len(result[0].tokens)))
        if time.perf_counter() - began > _MAX_FIRST_SECONDS:
            break
    return Speed(encode, token)


def _time_work(work: Callable[[], Any], threads: int) -> tuple[float, Any]:
    """Estimate the seconds that ``work`` takes on an idle processor; ``threads`` is 0 for another device.

    When other programs run, the processor time of the threads is less than the elapsed time. Returns the result, too.
    """
    clock, used = time.perf_counter(), time.process_time()
    result = work()
    clock, used = time.perf_counter() - clock, time.process_time() - used
    return (min(clock, used / threads) if threads else clock), result
