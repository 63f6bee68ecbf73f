"""Audio files that are being written: what is on disk can be played at any moment, whatever happens next."""

from __future__ import annotations

import os
from pathlib import Path

import av
import av.audio
import av.container
import av.error
import numpy as np

from surtitle.audio import Frames

_OPUS_RATE = 48_000  # Hz: the one that Opus always has
_OPUS_BITS = 64_000  # a second for each channel: nobody hears the difference in speech
_CONTAINERS = {
    "flac": ("flac", "flac", {}),
    "opus": ("ogg", "libopus", {"page_duration": "200000"}),  # microseconds: what is lost when it is torn
}


class AudioFile:
    """FLAC (16 bit, at the rate it came with) or Ogg Opus, by the path's ending. Blocks: for a thread.

    Raises `OSError` when the disk takes no more.
    """

    def __init__(self, path: Path, rate: int, channels: int, tags: dict[str, str]) -> None:
        container, codec, options = _CONTAINERS[path.suffix[1:]]
        self.frames = 0
        """How many were written."""
        self._disk = _Disk(path)
        self._rate = rate
        self._layout = ("mono", "stereo")[channels - 1]
        self._container = av.open(self._disk, "w", format=container, options={"flush_packets": "1", **options})
        self._container.metadata.update(tags)
        coded = rate if codec == "flac" else _OPUS_RATE
        stream = self._container.add_stream(codec, rate=coded)
        assert isinstance(stream, av.audio.AudioStream)
        self._stream = stream
        self._stream.layout = self._layout
        self._stream.format = "s16"
        if codec != "flac":
            self._stream.bit_rate = _OPUS_BITS * channels
        self._resampler = av.audio.resampler.AudioResampler("s16", self._layout, coded)

    @property
    def bytes(self) -> int:
        """How large the file is."""
        return self._disk.size

    def write(self, frames: Frames) -> None:
        """Frames at the file's rate, with its channels."""
        data = (np.clip(frames, -1.0, 32767 / 32768) * 32768.0).astype("<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout=self._layout)
        frame.sample_rate = self._rate
        frame.pts = self.frames
        self.frames += len(frames)
        self._encode(frame)

    def sync(self) -> None:
        """What was encoded is on the disk when this returns."""
        os.fsync(self._disk.handle)

    def close(self) -> None:
        """Write what is left, and how long it is. The file is closed even if that fails."""
        try:
            self._encode(None)
            for packet in self._stream.encode(None):
                self._container.mux(packet)
            self._container.close()
            self.sync()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file as it is."""
        self._disk.close()

    def _encode(self, frame: av.AudioFrame | None) -> None:
        for part in self._resampler.resample(frame):
            for packet in self._stream.encode(part):
                self._container.mux(packet)


class _Disk:
    """A file for FFmpeg's muxer, without any buffer of its own. Once it is closed, it takes all and keeps nothing."""

    def __init__(self, path: Path) -> None:
        self.handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        self.size = 0

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        while view and self.handle >= 0:
            count = os.write(self.handle, view)
            self.size += count
            view = view[count:]
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return os.lseek(self.handle, offset, whence) if self.handle >= 0 else 0

    def tell(self) -> int:
        return self.seek(0, os.SEEK_CUR)

    def close(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1
