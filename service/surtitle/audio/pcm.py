"""Raw PCM bytes to mono samples."""

from __future__ import annotations

import numpy as np

from surtitle.audio import Frames, Samples, mono


class PcmDecoder:
    """Turns s16le bytes, cut anywhere, into mono float32 at the rate they came in.

    A frame that is cut in the middle waits for its other half; two channels become their mean.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._torn = b""

    @property
    def torn(self) -> int:
        """Bytes of an unfinished frame that wait for the rest."""
        return len(self._torn)

    def decode(self, data: bytes) -> Samples:
        """Samples of shape (n,) for the whole frames in what has arrived."""
        return mono(self.frames(data))

    def frames(self, data: bytes) -> Frames:
        """The same, with all channels."""
        data = self._torn + data
        usable = len(data) - len(data) % (2 * self._channels)
        self._torn = data[usable:]
        samples = np.frombuffer(data, dtype="<i2", count=usable // 2).astype(np.float32) / 32768.0
        return samples.reshape(-1, self._channels)


def to_pcm(samples: Samples) -> bytes:
    """Mono float samples as s16le bytes, clipped to full scale."""
    return (np.clip(samples, -1.0, 32767 / 32768) * 32768.0).astype("<i2").tobytes()
