"""A speaker model on the pool. What it remembers of a source stays here, so any machine may take the next step."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

import numpy as np

from surtitle.audio import Samples
from surtitle.audio.pcm import to_pcm
from surtitle.core.errors import ModelError, Unreachable
from surtitle.pool.address import PoolAddress
from surtitle.pool.client import PoolClient
from surtitle.pool.messages import DIARIZATION, MAX_NEW_SAMPLES, DiarizationAnswer, DiarizationRequest
from surtitle.speakers.timeline import SPEAKERS, Activity

TURNS = 8
"""Sources that may wait for the pool at a time: waiting needs no processor."""

_TIMEOUT = 5.0  # seconds for one request, beyond the latency: with a longer one, there is more time for a step
_PATIENCE = 20.0  # seconds for which a request is sent again; captions have no speakers meanwhile
_PAUSE = 0.5  # seconds before a request is sent again


class PoolModel:
    """One model of the pool. It serves any number of streams, several at a time, each in one thread."""

    def __init__(self, address: PoolAddress, model: str) -> None:
        """Ask the pool for ``model``, its name there; takes a moment. Raises `Unreachable`, `EngineError`."""
        self._name = model
        self._closed = threading.Event()
        self._client = PoolClient(address, TURNS)
        try:
            self._client.describe(model, "diarization")
        except BaseException:
            self._client.close()
            raise

    def open(self, latency: float) -> PoolStream:
        return PoolStream(self._ask, latency)

    def close(self) -> None:
        """Let requests end with `Unreachable`. It may be called while some wait."""
        self._closed.set()
        self._client.close()

    def _ask(self, request: DiarizationRequest) -> DiarizationAnswer:
        """Send a request until it is answered, which changes nothing at the pool. Raises `EngineError`.

        It raises `Unreachable` only when there has been no answer for `_PATIENCE`.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            if self._closed.is_set():
                raise Unreachable("The connection to the pool was closed.")
            try:
                return self._client.ask(self._name, DIARIZATION, request, DiarizationAnswer)
            except Unreachable:
                if time.monotonic() > deadline:
                    raise
            except ModelError:
                raise
            except Exception:
                if not self._closed.is_set():
                    raise
            self._closed.wait(_PAUSE)


class PoolStream:
    """The state of one source, which goes to the pool and back with each step, and the samples of the next step."""

    def __init__(self, ask: Callable[[DiarizationRequest], DiarizationAnswer], latency: float) -> None:
        self._ask = ask
        self._latency = latency
        self._source = secrets.token_hex(8)
        self._number = 0
        self._state = b""
        self._needed = 0
        self._samples = np.zeros(0, dtype=np.float32)

    def feed(self, samples: Samples) -> Activity:
        """Process 16 kHz samples. Nothing is sent before there are enough for further frames.

        Raises `EngineError`; samples without an answer are sent again with the next ones.
        """
        self._samples = np.concatenate((self._samples, samples))
        found = [np.zeros((0, SPEAKERS), dtype=np.float32)]
        while len(self._samples) >= max(1, self._needed):
            found.append(self._step(min(self._needed or len(self._samples), MAX_NEW_SAMPLES)))
        return np.concatenate(found)

    def flush(self) -> Activity:
        """Return the remaining frames. Raises `EngineError`."""
        if not self._state and not len(self._samples):
            return np.zeros((0, SPEAKERS), dtype=np.float32)
        return self._step(len(self._samples), last=True)

    def close(self) -> None:
        """Forget the source. The pool knows nothing of it."""
        self._state = b""
        self._samples = self._samples[:0]

    def _step(self, count: int, *, last: bool = False) -> Activity:
        """Send the first ``count`` samples. Only an answer changes anything here."""
        samples = to_pcm(self._samples[:count])
        timeout = _TIMEOUT + self._latency
        answer = self._ask(
            DiarizationRequest(self._source, self._number, timeout, self._latency, samples, self._state, last)
        )
        activity = np.frombuffer(answer.activity, dtype="<f4").astype(np.float32).reshape(-1, answer.speakers)
        self._number += 1
        self._state, self._needed = answer.state, answer.needed
        self._samples = self._samples[count:]
        return activity
