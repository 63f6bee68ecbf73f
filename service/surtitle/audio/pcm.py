"""Conversion between raw PCM bytes and samples."""

from __future__ import annotations

from functools import cache
from typing import Any

import av
import numpy as np

from surtitle.audio import Frames, Samples

PCM_FORMATS = ("pcm16le", "mulaw", "alaw")
"""Raw samples: 16 bits, or 8 bits of G.711."""


class PcmDecoder:
    """Decodes the bytes of one of `PCM_FORMATS`, split anywhere, to float32 at their own rate.

    A frame that is split in the middle waits for its other half.
    """

    def __init__(self, channels: int, audio_format: str = "pcm16le") -> None:
        self._channels = channels
        self._table = None if audio_format == "pcm16le" else _g711_table(audio_format)
        self._width = 2 if self._table is None else 1  # bytes of a sample
        self._pending = b""

    @property
    def pending(self) -> int:
        """The number of bytes of an unfinished frame that wait for the rest."""
        return len(self._pending)

    def decode_frames(self, data: bytes) -> Frames:
        """Frames of shape (n, channels), of the whole frames that have arrived."""
        data = self._pending + data
        usable = len(data) - len(data) % (self._width * self._channels)
        self._pending = data[usable:]
        if self._table is None:
            samples = np.frombuffer(data, dtype="<i2", count=usable // 2).astype(np.float32) / 32768.0
        else:
            samples = self._table[np.frombuffer(data, dtype=np.uint8, count=usable)]
        return samples.reshape(-1, self._channels)


@cache
def _g711_table(audio_format: str) -> Samples:
    """The sample of each byte, shape (256,)."""
    codec: Any = av.CodecContext.create(f"pcm_{audio_format}", "r")
    codec.sample_rate, codec.layout = 8000, "mono"
    (frame,) = codec.decode(av.Packet(bytes(range(256))))
    return np.asarray(frame.to_ndarray()[0], dtype=np.float32) / np.float32(32768)


def to_pcm(samples: Samples) -> bytes:
    """Encode mono float samples as s16le bytes, clipped to full scale."""
    return (np.clip(samples, -1.0, 32767 / 32768) * 32768.0).astype("<i2").tobytes()


def from_pcm(data: bytes) -> Samples:
    """Decode mono s16le bytes. Raises ValueError if the last sample is incomplete."""
    return np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(32768)
