"""Conversion between raw PCM bytes and samples."""

from __future__ import annotations

import numpy as np

from surtitle.audio import Frames, Samples


class PcmDecoder:
    """Decodes s16le bytes, split anywhere, to float32 at their own rate.

    A frame that is split in the middle waits for its other half.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._pending = b""

    @property
    def pending(self) -> int:
        """The number of bytes of an unfinished frame that wait for the rest."""
        return len(self._pending)

    def decode_frames(self, data: bytes) -> Frames:
        """Frames of shape (n, channels), of the whole frames that have arrived."""
        data = self._pending + data
        usable = len(data) - len(data) % (2 * self._channels)
        self._pending = data[usable:]
        samples = np.frombuffer(data, dtype="<i2", count=usable // 2).astype(np.float32) / 32768.0
        return samples.reshape(-1, self._channels)


def to_pcm(samples: Samples) -> bytes:
    """Encode mono float samples as s16le bytes, clipped to full scale."""
    return (np.clip(samples, -1.0, 32767 / 32768) * 32768.0).astype("<i2").tobytes()
