"""Streaming Sortformer with NeMo: takes speech, and returns the activity of up to four speakers.

The model keeps a cache of what each speaker sounds like, in the order of arrival, and a queue of recent frames. Each
step costs the same, and no audio is processed twice (Medennikov et al. 2025, "Streaming Sortformer: Speaker Cache-Based
Online Speaker Diarization with Arrival-Time Ordering").
NeMo and torch are only imported when a model is loaded.
"""

from __future__ import annotations

import logging
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.speakers.sortformer_state import Array, Shape, StreamState, pack_state, unpack_state
from surtitle.speakers.timeline import SPEAKERS, Activity

_HOP = RATE // 100  # samples between two columns of the spectrogram
_MARGIN = 3  # columns at the end of the audio that would change if more audio followed
_LEFT_CONTEXT = 1  # frames before those of a step that the model processes again as context


@dataclass(frozen=True, slots=True)
class Latency:
    """A published setting of the model, in frames of 80 ms: a step takes ``chunk`` frames and ``ahead`` after them."""

    chunk: int
    ahead: int
    queue: int
    update: int
    cache: int = 188


LATENCIES = {0.32: Latency(3, 1, 188, 144), 1.04: Latency(6, 7, 188, 144), 10.0: Latency(124, 1, 124, 124)}
"""The settings for each of the seconds in `surtitle.speakers.model.LATENCIES`."""


class Sortformer:
    """A loaded model that serves any number of streams, one step at a time."""

    def __init__(self, model: str) -> None:
        """Load a ``.nemo`` file, or a model from the hub by its name. Raises the errors of NeMo."""
        warnings.simplefilter("ignore")
        import torch
        from nemo.collections.asr.models import SortformerEncLabelModel

        logging.getLogger("nemo_logger").setLevel(logging.ERROR)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if Path(model).is_file():
            loaded = SortformerEncLabelModel.restore_from(model, map_location=device)
        else:
            loaded = SortformerEncLabelModel.from_pretrained(model, map_location=device)
        loaded.eval()
        loaded.preprocessor.featurizer.dither = 0.0
        loaded.preprocessor.featurizer.pad_to = 0
        self.net: Any = loaded
        self.torch = torch
        self.subsampling: int = loaded.encoder.subsampling_factor
        self._checksum = zlib.crc32(self.to_array(loaded.sortformer_modules.encoder_proj.weight).tobytes())

    def open(self, latency: float) -> SortformerStream:
        """Open a stream for one source; ``latency`` is one of `LATENCIES`."""
        return SortformerStream(self, LATENCIES[latency])

    def restore(self, latency: float, state: bytes) -> SortformerStream:
        """Open a stream that continues where the stream that saved ``state`` was. Raises ValueError if it cannot."""
        stream = self.open(latency)
        stream.load(unpack_state(state, self.shape(LATENCIES[latency])))
        return stream

    def shape(self, latency: Latency) -> Shape:
        """What the state of a stream looks like."""
        modules, left = self.net.sortformer_modules, _LEFT_CONTEXT * self.subsampling
        return Shape(
            model=self._checksum,
            mels=self.net.preprocessor.featurizer.nfilt,
            width=modules.fc_d_model,
            speakers=modules.n_spk,
            max_left=left,
            max_margin=_MARGIN,
            max_columns=left + (latency.chunk + latency.ahead) * self.subsampling,
            max_cache=latency.cache,
            max_queue=latency.queue,
        )

    def to_array(self, tensor: Any) -> Array:
        """The numbers of a tensor, in its shape."""
        array: Array = tensor.detach().float().cpu().numpy()
        return array

    def to_tensor(self, array: Array) -> Any:
        """The array as a tensor of a batch of one."""
        return self.torch.from_numpy(array).unsqueeze(0).to(self.net.device)

    def compute_columns(self, samples: Samples) -> Any:
        """Compute the spectrogram, a tensor of shape (1, mels, columns)."""
        sound = self.to_tensor(samples)
        length = self.torch.tensor([len(samples)], device=self.net.device)
        found, count = self.net.preprocessor(input_signal=sound, length=length)
        return found[:, :, : int(count[0])]

    def step(self, columns: Any, state: Any, latency: Latency, left: int, right: int) -> tuple[Any, Activity]:
        """Run one step; ``left`` and ``right`` of the columns are context. Returns the new state and the frames."""
        modules = self.net.sortformer_modules
        modules.chunk_len, modules.chunk_right_context = latency.chunk, latency.ahead
        modules.fifo_len, modules.spkcache_len = latency.queue, latency.cache
        modules.spkcache_update_period = latency.update
        state, found = self.net.forward_streaming_step(
            processed_signal=columns.transpose(1, 2),
            processed_signal_length=self.torch.tensor([columns.shape[2]], device=self.net.device),
            streaming_state=state,
            total_preds=self.torch.zeros((1, 0, modules.n_spk), device=self.net.device),
            left_offset=left,
            right_offset=right,
        )
        return state, self.to_array(found[0])[:, :SPEAKERS]


class SortformerStream:
    """The state of one source in the model."""

    def __init__(self, model: Sortformer, latency: Latency) -> None:
        self._model = model
        self._latency = latency
        self._state = model.net.sortformer_modules.init_streaming_state(batch_size=1, device=model.net.device)
        self._samples = np.zeros(0, dtype=np.float32)
        self._columns: Any = None
        self._begin()

    def feed(self, samples: Samples) -> Activity:
        """Process 16 kHz samples; returns the frames that are final now and follow those of the previous calls."""
        self._samples = np.concatenate((self._samples, samples))
        self._add_columns(last=False)
        return self._run_steps(last=False)

    def flush(self) -> Activity:
        """Return the remaining frames. Audio that is fed later is not continuous, but its speakers are recognized."""
        self._add_columns(last=True)
        found = self._run_steps(last=True)
        self._begin()
        return found

    @property
    def needed(self) -> int:
        """The number of samples from which `feed` returns further frames."""
        have = 0 if self._columns is None else self._columns.shape[2] - self._left
        columns = (self._latency.chunk + self._latency.ahead) * self._model.subsampling - have
        return max(0, (columns + self._margin + _MARGIN - 1) * _HOP - len(self._samples))

    def save(self) -> bytes:
        """Everything that later frames depend on. NeMo computes what else its state has in each step."""
        shape, state = self._model.shape(self._latency), self._state
        to_array = self._model.to_array
        saved = StreamState(
            samples=self._samples,
            margin=self._margin,
            columns=np.zeros((shape.mels, 0), np.float32) if self._columns is None else to_array(self._columns[0]),
            left=self._left,
            cache=to_array(state.spkcache[0]),
            cache_activity=None if state.spkcache_preds is None else to_array(state.spkcache_preds[0]),
            queue=to_array(state.fifo[0]),
            silence=to_array(state.mean_sil_emb[0]),
            silent_frames=int(state.n_sil_frames[0]),
        )
        return pack_state(saved, shape)

    def load(self, saved: StreamState) -> None:
        """Continue from a state that `save` has saved."""
        state, to_tensor = self._state, self._model.to_tensor
        self._samples, self._margin, self._left = saved.samples, saved.margin, saved.left
        if saved.columns.shape[1]:
            self._columns = to_tensor(saved.columns)
        state.spkcache, state.fifo = to_tensor(saved.cache), to_tensor(saved.queue)
        state.spkcache_preds = None if saved.cache_activity is None else to_tensor(saved.cache_activity)
        state.mean_sil_emb = to_tensor(saved.silence)
        state.n_sil_frames.fill_(saved.silent_frames)

    def close(self) -> None:
        """Free the cache. The stream is not used any more."""
        self._state = None
        self._begin()

    def _begin(self) -> None:
        self._samples = np.zeros(0, dtype=np.float32)
        self._margin = 0  # columns of `_samples` that are already in `_columns`
        self._columns = None
        self._left = 0  # columns before the new ones, for which frames have been returned

    def _add_columns(self, *, last: bool) -> None:
        """Add columns for the received samples, except, unless it is the ``last`` call, those that may still change."""
        count = len(self._samples) // _HOP + 1 - (0 if last else _MARGIN)
        if count <= self._margin or len(self._samples) < _HOP:
            return
        with self._model.torch.inference_mode():
            new = self._model.compute_columns(self._samples)[:, :, self._margin : count]
            self._columns = new if self._columns is None else self._model.torch.cat((self._columns, new), dim=2)
        done = max(0, count - _MARGIN)
        self._samples = self._samples[done * _HOP :]
        self._margin = count - done

    def _run_steps(self, *, last: bool) -> Activity:
        found = [np.zeros((0, SPEAKERS), dtype=np.float32)]
        size, ahead = (frames * self._model.subsampling for frames in (self._latency.chunk, self._latency.ahead))
        while self._columns is not None:
            have = self._columns.shape[2] - self._left
            if have < (1 if last else size + ahead):
                break
            new = min(size, have)
            right = min(ahead, have - new)
            with self._model.torch.inference_mode():
                self._state, frames = self._model.step(
                    self._columns[:, :, : self._left + new + right], self._state, self._latency, self._left, right
                )
            found.append(frames)
            left = min(_LEFT_CONTEXT * self._model.subsampling, self._left + new)
            self._columns = self._columns[:, :, self._left + new - left :]
            self._left = left
        return np.concatenate(found)
