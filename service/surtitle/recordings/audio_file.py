"""Audio files that can be played at any moment while they are written, even if the writer dies."""

from __future__ import annotations

import os
from pathlib import Path

import av
import av.audio
import av.container
import av.error
import numpy as np

from surtitle.audio import Frames

_OPUS_RATE = 48_000  # Hz: Opus always uses this rate
_OPUS_BITS = 64_000  # per second and channel: for speech, the loss is inaudible
_CONTAINERS = {
    "flac": ("flac", "flac", {}),
    "opus": ("ogg", "libopus", {"page_duration": "200000"}),  # microseconds: lost if the writer dies
}


class AudioFile:
    """FLAC (16 bit, at the rate of the input) or Ogg Opus, by the path's extension. Blocks: use it in a thread.

    Raises `OSError` if the disk fails or is full.
    """

    def __init__(self, path: Path, rate: int, channels: int, tags: dict[str, str]) -> None:
        container, codec, options = _CONTAINERS[path.suffix[1:]]
        self.frames = 0
        """The number of frames written so far."""
        self._disk = _Disk(path)
        self._rate = rate
        self._layout = ("mono", "stereo")[channels - 1]
        self._container = av.open(self._disk, "w", format=container, options={"flush_packets": "1", **options})
        self._container.metadata.update(tags)
        file_rate = rate if codec == "flac" else _OPUS_RATE
        stream = self._container.add_stream(codec, rate=file_rate)
        assert isinstance(stream, av.audio.AudioStream)
        self._stream = stream
        self._stream.layout = self._layout
        self._stream.format = "s16"
        if codec != "flac":
            self._stream.bit_rate = _OPUS_BITS * channels
        self._resampler = av.audio.resampler.AudioResampler("s16", self._layout, file_rate)

    @property
    def bytes(self) -> int:
        """The size of the file."""
        return self._disk.size

    def write(self, frames: Frames) -> None:
        """Append frames at the file's rate, shape (n, channels)."""
        data = (np.clip(frames, -1.0, 32767 / 32768) * 32768.0).astype("<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout=self._layout)
        frame.sample_rate = self._rate
        frame.pts = self.frames
        self.frames += len(frames)
        self._encode(frame)

    def sync(self) -> None:
        """Flush everything that was encoded to the disk."""
        os.fsync(self._disk.handle)

    def close(self) -> None:
        """Write the remaining audio and the length. The file is closed even if that fails."""
        try:
            self._encode(None)
            for packet in self._stream.encode(None):
                self._container.mux(packet)
            self._container.close()
            self.sync()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the file as it is."""
        self._disk.close()

    def _encode(self, frame: av.AudioFrame | None) -> None:
        for part in self._resampler.resample(frame):
            for packet in self._stream.encode(part):
                self._container.mux(packet)


class _Disk:
    """An unbuffered file for FFmpeg's muxer. Once it is closed, it accepts and discards everything."""

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
