from __future__ import annotations

import asyncio
import io
from contextlib import suppress
from typing import Any

import av
import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.audio.intake import open_intake
from surtitle.audio.pcm import to_pcm
from surtitle.core.errors import BadAudio, UnsupportedFormat

SECONDS = 3


class Sink:
    def __init__(self) -> None:
        self.parts: list[Samples] = []

    async def __call__(self, samples: Samples) -> None:
        self.parts.append(samples)

    @property
    def samples(self) -> Samples:
        return np.concatenate(self.parts) if self.parts else np.zeros(0, dtype=np.float32)


def tone(rate: int = 48_000) -> Samples:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(SECONDS * rate) / rate)).astype(np.float32)


def encode_tone(container: str, codec: str, rate: int = 48_000) -> bytes:
    """Three seconds of a tone as a file of the given container and codec."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(tone(rate)[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = rate
        fifo = av.AudioFifo()
        for part in resampler.resample(frame):
            fifo.write(part)
        while (piece := fifo.read(stream.codec_context.frame_size or 960, partial=True)) is not None:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
async def test_pcm_of_any_rate_has_the_right_length(rate: int, channels: int) -> None:
    sink = Sink()
    intake = open_intake("pcm16le", rate, channels, sink)
    data = to_pcm(np.repeat(tone(rate), channels))
    for at in range(0, len(data), 4097):
        await intake.write(data[at : at + 4097])
    await intake.finish()
    assert len(sink.samples) == pytest.approx(SECONDS * RATE, abs=2)
    assert np.abs(sink.samples).max() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("audio_format", "container", "codec"),
    [
        ("webm", "webm", "libopus"),
        ("ogg", "ogg", "libopus"),
        ("auto", "webm", "libopus"),
        ("auto", "ogg", "flac"),
        ("auto", "flac", "flac"),
        ("auto", "mp3", "libmp3lame"),
        ("auto", "wav", "pcm_s16le"),
    ],
)
async def test_containers_in_small_pieces(audio_format: str, container: str, codec: str) -> None:
    sink = Sink()
    intake = open_intake(audio_format, 0, 0, sink)
    data = encode_tone(container, codec)
    for at in range(0, len(data), 333):
        await intake.write(data[at : at + 333])
    await intake.finish()
    assert len(sink.samples) / RATE == pytest.approx(SECONDS, abs=0.1)
    assert np.sqrt(np.mean(sink.samples[RATE : 2 * RATE] ** 2)) == pytest.approx(0.354, abs=0.03)


async def test_a_container_is_decoded_while_it_arrives() -> None:
    """Most of the audio comes out before the stream has ended: nothing waits for the end."""
    sink = Sink()
    intake = open_intake("webm", 0, 0, sink)
    await intake.write(encode_tone("webm", "libopus"))
    for _ in range(100):
        if len(sink.samples) > 2 * RATE:
            break
        await asyncio.sleep(0.05)
    assert len(sink.samples) > 2 * RATE
    await intake.finish()


@pytest.mark.slow
async def test_a_slow_recognizer_holds_the_client_back() -> None:
    """The sink accepts nothing: the waiting bytes stay bounded, and aborting is clean."""
    released = asyncio.Event()

    async def sink(samples: Samples) -> None:
        await released.wait()

    intake = open_intake("auto", 0, 0, sink)
    data = encode_tone("wav", "pcm_s16le")
    written = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(2):
            while written < 2_000_000:
                await intake.write(data if written == 0 else bytes(65_536))
                written += 65_536
    assert written < 2_000_000
    await intake.abort()
    released.set()


async def test_garbage_is_refused() -> None:
    intake = open_intake("webm", 0, 0, Sink())
    await intake.write(bytes(range(256)) * 100)
    with pytest.raises(BadAudio, match="send WebM"):
        await intake.finish()


async def test_video_without_sound_is_refused() -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as file:
        stream: Any = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(5):
            file.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        file.mux(stream.encode(None))
    intake = open_intake("auto", 0, 0, Sink())
    await intake.write(out.getvalue())
    with pytest.raises(BadAudio, match="no audio"):
        await intake.finish()


@pytest.mark.parametrize(
    ("audio_format", "rate", "channels"),
    [("mp5", 16_000, 1), ("pcm16le", 0, 1), ("pcm16le", 7_999, 1), ("pcm16le", 192_001, 1), ("pcm16le", 16_000, 3)],
)
async def test_unsupported_formats_are_refused(audio_format: str, rate: int, channels: int) -> None:
    with pytest.raises(UnsupportedFormat):
        open_intake(audio_format, rate, channels, Sink())
