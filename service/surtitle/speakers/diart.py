"""Diart's pipeline as a diarizer: finds voices in the last five seconds, and recognizes them by vectors.

Each step looks at five seconds again, whatever its length (Coria et al. 2021, "Overlap-Aware Low-Latency Online Speaker
Diarization Based on End-to-End Local Segmentation").
Diart, pyannote.audio and torch are only imported when a model is loaded.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.core.errors import ModelError
from surtitle.speakers.diart_kind import Networks
from surtitle.speakers.timeline import FRAME, SPEAKERS, Activity

_DURATION = 5.0  # seconds that each step looks at
_ONNX = ".onnx"
_ONNX_NAMES = {False: (["waveform"], "segmentation"), True: (["waveform", "weights"], "embedding")}
"""The inputs and the output of each network, by whether it is the one that embeds voices."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from one ``step`` to the next, and the audio after a moment that is needed to decide on it."""

    step: float
    ahead: float


LATENCIES = {0.32: Latency(0.24, 0.24), 1.04: Latency(0.48, 0.96), 10.0: Latency(1.0, _DURATION)}
"""The settings for each of the seconds in `surtitle.speakers.model.LATENCIES`."""


class Diart:
    """Two loaded networks that serve any number of streams, one step at a time."""

    def __init__(self, networks: Networks, threads: int = 1) -> None:
        """Load them. Raises `ModelError`, and the errors of the libraries."""
        os.environ["PYANNOTE_METRICS_ENABLED"] = "false"  # pyannote.audio reports what is loaded to its makers
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch
            import torchaudio

            if not hasattr(torchaudio, "set_audio_backend"):  # newer versions have none, and diart calls it
                torchaudio.set_audio_backend = lambda name: None
            import diart.models
            from pyannote.core import SlidingWindow, SlidingWindowFeature

            torch.set_num_threads(threads)
            models = diart.models
            self._segmentation = models.SegmentationModel(_loader(networks.segmentation, models, embeds=False))
            self._embedding = models.EmbeddingModel(_loader(networks.embedding, models, embeds=True))
            for network in (self._segmentation, self._embedding):
                network.load()
        self._diart, self._torch, self._settings = diart, torch, networks.settings
        self._window, self._feature = SlidingWindow, SlidingWindowFeature

    def open(self, latency: float) -> DiartStream:
        """Open a stream for one source; ``latency`` is one of `LATENCIES`."""
        setting = LATENCIES[latency]
        device = self._torch.device("cuda" if self._torch.cuda.is_available() else "cpu")
        config = self._diart.SpeakerDiarizationConfig(
            self._segmentation,
            self._embedding,
            duration=_DURATION,
            step=setting.step,
            latency=setting.ahead,
            tau_active=self._settings.tau_active,
            rho_update=self._settings.rho_update,
            delta_new=self._settings.delta_new,
            max_speakers=SPEAKERS,
            device=device,
            sample_rate=RATE,
        )
        return DiartStream(self._diart.SpeakerDiarization(config), setting, self._make_chunk)

    def _make_chunk(self, samples: Samples, start: float) -> Any:
        """The samples as the pipeline takes them; ``start`` is in seconds."""
        return self._feature(samples[:, None], self._window(start=start, duration=1 / RATE, step=1 / RATE))


class DiartStream:
    """The state of one source in the pipeline."""

    def __init__(self, pipeline: Any, latency: Latency, make_chunk: Callable[[Samples, float], Any]) -> None:
        self._pipeline = pipeline
        self._latency = latency
        self._make_chunk = make_chunk
        self._step = round(latency.step * RATE)
        self._waiting = np.zeros(0, dtype=np.float32)
        self._received = 0  # samples
        self._known = 0.0  # seconds up to which it is decided who speaks
        self._begin()

    def feed(self, samples: Samples) -> Activity:
        """Process 16 kHz samples; returns the frames that are final now and follow those of the previous calls."""
        self._waiting = np.concatenate((self._waiting, samples))
        self._received += len(samples)
        self._run_steps()
        return self._take(math.floor(self._known / FRAME + 1e-6))

    def flush(self) -> Activity:
        """Return the remaining frames. Audio that is fed later is not continuous, but its speakers are recognized."""
        end = self._received / RATE
        while self._received and self._known < end:
            self._waiting = np.concatenate((self._waiting, np.zeros(self._step, dtype=np.float32)))
            self._run_steps()
        found = self._take(math.ceil(end / FRAME - 1e-6))
        self._begin()
        return found

    def close(self) -> None:
        """Forget the audio and the voices."""
        if self._pipeline is not None:
            self._begin()
            self._pipeline.reset()
            self._pipeline = None

    def _begin(self) -> None:
        self._pipeline.chunk_buffer, self._pipeline.pred_buffer = [], []
        self._recent = np.zeros(round(_DURATION * RATE), dtype=np.float32)
        self._waiting = self._waiting[:0]
        self._received = 0
        self._processed = 0  # samples, silence at the end included
        self._known = 0.0
        self._taken = 0  # frames that were returned
        self._activity = np.zeros((0, SPEAKERS), dtype=np.float32)  # of the frames after those

    def _run_steps(self) -> None:
        while len(self._waiting) >= self._step:
            new, self._waiting = self._waiting[: self._step], self._waiting[self._step :]
            self._recent = np.concatenate((self._recent[self._step :], new))
            self._processed += self._step
            end = self._processed / RATE
            ((said, _),) = self._pipeline([self._make_chunk(self._recent, end - _DURATION)])
            for segment, _, label in said.itertracks(yield_label=True):
                self._add(segment.start, segment.end, int(label.removeprefix("speaker")))
            self._known = max(0.0, end - self._latency.ahead + self._latency.step)

    def _add(self, start: float, end: float, speaker: int) -> None:
        """Add to each frame the share of it during which the speaker is active."""
        first, last = (max(0, math.floor(time / FRAME) - self._taken) for time in (start, end))
        if last >= len(self._activity):
            self._activity = np.pad(self._activity, ((0, last + 1 - len(self._activity)), (0, 0)))
        begins = (np.arange(first, last + 1) + self._taken) * FRAME
        shares = (np.minimum(end, begins + FRAME) - np.maximum(start, begins)).clip(0.0) / FRAME
        frames = self._activity[first : last + 1, speaker]
        np.minimum(1.0, frames + shares, out=frames)

    def _take(self, until: int) -> Activity:
        """The frames up to that number."""
        count = max(0, until - self._taken)
        found = np.zeros((count, SPEAKERS), dtype=np.float32)
        there = self._activity[:count]
        found[: len(there)] = there
        self._activity = self._activity[count:]
        self._taken += count
        return found


def _loader(name: str, models: Any, *, embeds: bool) -> Callable[[], Any]:
    """What loads one of the networks, of a file, a folder, or a name on the hub."""
    if name.endswith(_ONNX):
        loader: Callable[[], Any] = models.ONNXLoader(name, *_ONNX_NAMES[embeds])
        return loader
    return lambda: _load_pyannote(name, models)


def _load_pyannote(name: str, models: Any) -> Any:
    """A network of pyannote.audio, loaded without diart, which passes an option that pyannote.audio 4 does not have."""
    from pyannote.audio import Model

    model = Model.from_pretrained(name)
    if model is None:
        raise ModelError(
            f"“{name}” cannot be downloaded: accept its conditions on huggingface.co, and set HF_TOKEN to your token."
        )
    powerset = getattr(getattr(model, "specifications", None), "powerset", False)
    return models.PowersetAdapter(model) if powerset else model
