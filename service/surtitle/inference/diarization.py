"""A speaker model as a replica of the pool."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from surtitle.audio.pcm import from_pcm
from surtitle.core.errors import ModelError
from surtitle.inference.replica import Replica, Task
from surtitle.inference.request_queue import RequestQueue
from surtitle.pool.messages import DIARIZATION, VERSION, DiarizationAnswer, DiarizationRequest, ModelInfo
from surtitle.speakers.model import LATENCIES, PortableModel, PortableStream, SpeakerModel
from surtitle.speakers.timeline import SPEAKERS

_MAX_WAITING = 64  # requests of as many sources


class _Diarization:
    """Answers requests with a loaded model. Between two requests it remembers nothing of their source."""

    def __init__(self, model: PortableModel) -> None:
        self._model = model

    def diarize(self, request: DiarizationRequest) -> DiarizationAnswer:
        if request.latency not in LATENCIES:
            raise ValueError(f"there is no latency of {request.latency:g} s")
        samples = from_pcm(request.samples)
        with closing(self._open(request)) as stream:
            found = [stream.feed(samples)]
            if request.last:
                found.append(stream.flush())
            activity = np.concatenate([np.pad(one, ((0, 0), (0, SPEAKERS - one.shape[1]))) for one in found])
            return DiarizationAnswer(SPEAKERS, activity.astype("<f4").tobytes(), stream.save(), stream.needed)

    def _open(self, request: DiarizationRequest) -> PortableStream:
        """Raises ValueError if the model cannot have made the request's state."""
        if request.state:
            return self._model.restore(request.latency, request.state)
        return self._model.open(request.latency)


def create_diarization(model: SpeakerModel, token: str = "") -> Replica:
    """A replica that answers with a loaded model, one request at a time; ``token`` is the secret that requests need.

    The queue drops a request for a newer one of its source, and when nobody waits for it any more. Neither loses sound:
    a source sends the next request only after the answer to the one before, and has both its state and its samples
    until then. So the older of two is one that its sender has given up. Raises `ModelError`.
    """
    if not isinstance(model, PortableModel):
        raise ModelError(
            "This speaker model cannot run on a pool, because its streams cannot continue in another process: deploy a "
            "Sortformer instead."
        )
    info = ModelInfo(version=VERSION, task="diarization")
    task = Task(DiarizationRequest, _Diarization(model).diarize)
    return Replica(info, {DIARIZATION: task}, RequestQueue(1, _MAX_WAITING), token)
