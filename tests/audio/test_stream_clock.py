"""Streams on the clock of their container: late beginnings, lost packets, clocks that jump, parameters that change."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.audio.intake import ContainerIntake
from surtitle.core.errors import BadAudio

PICTURES = {"matroska": "mpeg4", "mpegts": "mpeg2video", "flv": "flv"}


def encode(
    container: str,
    codec: str = "libopus",
    *,
    seconds: float = 2.0,
    rate: int = 48_000,
    layout: str = "mono",
    time: Callable[[float], float | None] = lambda time: time,
    picture: float = 0.0,
) -> bytes:
    """A tone and ``picture`` seconds of video. A packet of the tone at ``time`` gets the timestamp ``time(time)``.

    It is lost if that is None.
    """
    out = io.BytesIO()
    channels = {"mono": 1, "stereo": 2}[layout]
    tone = np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate).astype(np.float32) / 2
    with av.open(out, "w", format=container) as file:
        video: Any = file.add_stream(PICTURES[container], rate=25) if picture else None
        if video is not None:
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio: Any = file.add_stream(codec, rate=rate, layout=layout)
        if video is not None:
            for number in range(round(picture * 25)):
                frame = av.VideoFrame(64, 64, "yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                file.mux(video.encode(frame))
            file.mux(video.encode(None))
        size = audio.codec_context.frame_size or 960
        resampler = av.AudioResampler(format=audio.format.name, layout=layout, rate=rate, frame_size=size)
        sound = av.AudioFrame.from_ndarray(np.repeat(tone, channels)[np.newaxis], format="flt", layout=layout)
        sound.sample_rate, sound.pts, sound.time_base = rate, 0, Fraction(1, rate)
        frames = [*resampler.resample(sound), *resampler.resample(None)]
        for packet in [packet for frame in (*frames, None) for packet in audio.encode(frame)]:
            moved = time(float(packet.pts * packet.time_base))
            if moved is not None:
                packet.pts = packet.dts = round(moved / packet.time_base)
                file.mux(packet)
    return out.getvalue()


class Client:
    """Sends streams to an intake, and keeps what comes out."""

    def __init__(self) -> None:
        self.parts: list[Samples] = []
        self.skipped: list[float] = []

    async def send(self, data: bytes, *, skips: bool = True) -> None:
        intake = ContainerIntake(None, self._put, skip=self.skipped.append if skips else None)
        try:
            for at in range(0, len(data), 4096):
                await intake.write(data[at : at + 4096])
            await intake.finish()
        finally:
            await intake.abort()

    async def _put(self, samples: Samples) -> None:
        self.parts.append(samples)

    @property
    def seconds(self) -> float:
        return sum(map(len, self.parts)) / RATE

    @property
    def first_sound(self) -> float:
        return float(np.flatnonzero(np.abs(np.concatenate(self.parts)) > 0.05)[0]) / RATE


@pytest.mark.parametrize(("container", "codec"), [("matroska", "libopus"), ("mpegts", "aac"), ("flv", "aac")])
async def test_sound_that_begins_after_the_picture_keeps_its_time(container: str, codec: str) -> None:
    rate = 44_100 if container == "flv" else 48_000
    data = encode(container, codec, rate=rate, time=lambda time: time + 1.5, picture=4.0)
    client = Client()
    await client.send(data)
    assert client.first_sound == pytest.approx(1.5, abs=0.1)
    assert client.skipped == []


async def test_a_long_gap_is_skipped_and_a_short_one_is_silence() -> None:
    def shift(time: float) -> float | None:
        return time if time < 1.0 else time + 0.5 if time < 1.5 else time + 5.0

    client = Client()
    await client.send(encode("matroska", time=shift))
    assert client.skipped == [pytest.approx(4.5, abs=0.05)]
    assert client.seconds == pytest.approx(2.5, abs=0.1)


async def test_a_gap_is_silence_for_a_sink_that_cannot_skip() -> None:
    client = Client()
    await client.send(encode("matroska", time=lambda time: time if time < 1.0 else time + 20.0), skips=False)
    assert client.seconds == pytest.approx(22.0, abs=0.1)


async def test_lost_packets_leave_a_gap() -> None:
    client = Client()
    await client.send(encode("matroska", time=lambda time: None if 0.5 <= time < 1.5 else time))
    assert client.seconds == pytest.approx(2.0, abs=0.1)


async def test_a_stream_that_has_run_for_days_begins_now() -> None:
    client = Client()
    await client.send(encode("matroska", time=lambda time: time + 9e6))
    assert client.skipped == []
    assert client.seconds == pytest.approx(2.0, abs=0.1)


async def test_a_clock_that_wraps_loses_nothing() -> None:
    client = Client()
    await client.send(encode("mpegts", "aac", time=lambda time: time + 2**33 / 90_000 - 1.0))
    assert client.skipped == []
    assert client.seconds == pytest.approx(2.0, abs=0.1)


async def test_recordings_one_after_the_other_in_one_stream_are_all_heard() -> None:
    client = Client()
    await client.send(encode("ogg") + encode("ogg", layout="stereo") + encode("ogg"))
    assert client.skipped == []
    assert client.seconds == pytest.approx(6.0, abs=0.2)


@pytest.mark.parametrize(("container", "codec"), [("adts", "aac"), ("mp3", "libmp3lame"), ("ogg", "flac")])
async def test_the_rate_and_the_channels_may_change_on_the_way(container: str, codec: str) -> None:
    client = Client()
    await client.send(
        encode(container, codec, rate=44_100, layout="stereo") + encode(container, codec, rate=24_000, seconds=3.0)
    )
    assert client.seconds == pytest.approx(5.0, abs=0.2)


async def test_false_timestamps_make_neither_hours_of_samples_nor_a_clock_of_years() -> None:
    """Each packet claims to be 50 minutes later than the one before it."""
    client = Client()
    await client.send(encode("matroska", time=lambda time: time * 150_000))
    assert sum(client.skipped) <= 86_400.0
    assert client.seconds == pytest.approx(2.0, abs=0.1)


async def test_a_first_timestamp_hours_after_the_picture_is_an_error() -> None:
    client = Client()
    await client.send(encode("matroska", time=lambda time: time + 80_000.0, picture=1.0))
    assert client.skipped == []
    assert client.seconds == pytest.approx(2.0, abs=0.1)


async def test_a_stream_that_breaks_in_the_middle_is_bad_audio() -> None:
    """The packets of the second half cannot be decoded."""
    whole = encode("adts", "aac", seconds=4.0)
    broken = bytearray(whole)
    at = frames = 0
    while at < len(whole):
        size = (whole[at + 3] & 3) << 11 | whole[at + 4] << 3 | whole[at + 5] >> 5
        if frames > 50:
            broken[at + 7 : at + size] = b"\xff" * (size - 7)
        at, frames = at + size, frames + 1
    client = Client()
    with pytest.raises(BadAudio, match="cannot read this stream"):
        await client.send(bytes(broken))
    assert client.seconds > 1.0
