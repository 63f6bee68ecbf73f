"""Malicious streams: playlists, containers with false headers, decompression bombs."""

from __future__ import annotations

import asyncio
import io
import resource
import struct
import wave
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.audio.intake import ContainerIntake
from surtitle.core.errors import BadAudio, TooFast
from tests.support import as_wav, speech


class Sink:
    """Accepts samples, and raises `TooFast` above ``max_samples``, as a source does that is sent too much."""

    def __init__(self, max_samples: float = float("inf")) -> None:
        self.count = 0
        self._max_samples = max_samples

    async def __call__(self, samples: Samples) -> None:
        if self.count > self._max_samples:
            raise TooFast("enough")
        self.count += len(samples)


async def feed(data: bytes, sink: Sink, kind: str | None = None) -> None:
    """Send ``data`` as a client would, 64 KiB at a time, and wait for the end."""
    intake = ContainerIntake(kind, sink)
    try:
        async with asyncio.timeout(60):
            for at in range(0, len(data), 1 << 16):
                await intake.write(data[at : at + (1 << 16)])
            await intake.finish()
    finally:
        await intake.abort()


def vint(number: int) -> bytes:
    """A length in EBML, in eight bytes."""
    return struct.pack(">Q", number | 1 << 56)


def element(key: int, content: bytes, length: int | None = None) -> bytes:
    name = key.to_bytes((key.bit_length() + 7) // 8, "big")
    return name + vint(len(content) if length is None else length) + content


def webm(*, tracks: int = 1, duration: float = 3_600_000.0, rate: float = 48_000.0, channels: int = 1) -> bytes:
    """The head of a WebM stream that claims to be an hour of Opus."""
    header = element(0x1A45DFA3, element(0x4282, b"webm") + element(0x4287, b"\x02") + element(0x4285, b"\x02"))
    info = element(0x1549A966, element(0x2AD7B1, b"\x0f\x42\x40") + element(0x4489, struct.pack(">d", duration)))
    opus = b"OpusHead\x01" + bytes([channels]) + struct.pack("<HIhB", 312, 48_000, 0, 0)
    audio = element(0xB5, struct.pack(">d", rate)) + element(0x9F, bytes([channels]))
    entries = b"".join(
        element(
            0xAE,
            element(0xD7, struct.pack(">H", number + 1))
            + element(0x83, b"\x02")
            + element(0x86, b"A_OPUS")
            + element(0x63A2, opus)
            + element(0xE1, audio),
        )
        for number in range(tracks)
    )
    return header + bytes.fromhex("18538067") + b"\x01" + b"\xff" * 7 + info + element(0x1654AE6B, entries)


def block(size: int | None = None) -> bytes:
    """A cluster with one block of silence, whose declared length may be wrong."""
    silence = b"\xf8\xff\xfe"
    content = element(0xE7, b"\0") + element(0xA3, b"\x81\0\0\x80" + silence, size)
    return element(0x1F43B675, content)


async def feed_refused(data: bytes, kind: str | None = None, max_samples: float = float("inf")) -> Sink:
    sink = Sink(max_samples)
    with pytest.raises((BadAudio, TooFast)):
        await feed(data, sink, kind)
    return sink


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{target}'\n",
        "[playlist]\nFile1={target}\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\na=control:{target}\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet '
        'mimeType="audio/wav"><Representation id="1"><BaseURL>{target}</BaseURL></Representation></AdaptationSet>'
        "</Period></MPD>",
    ],
)
async def test_a_playlist_opens_neither_files_nor_the_network(tmp_path: Path, playlist: str) -> None:
    connections = 0

    def count(_: Any, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    file = tmp_path / "private.wav"
    file.write_bytes(as_wav(speech("This must not be heard by anybody.")))
    server = await asyncio.start_server(count, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        for target in (str(file), file.as_uri(), f"http://127.0.0.1:{port}/private.wav", f"tcp://127.0.0.1:{port}"):
            sink = await feed_refused(playlist.format(target=target).encode().ljust(70_000, b"\n"))
            assert sink.count == 0
    assert connections == 0


async def test_a_tiny_file_that_claims_to_be_an_hour_long() -> None:
    """The claims of a header cost nothing: only data that exists becomes samples."""
    sink = Sink()
    await feed(webm() + block(), sink, "webm")
    assert sink.count < RATE
    # nothing but a header
    await feed_refused(webm()[:60], "webm")


@pytest.mark.slow
async def test_an_hour_in_half_a_megabyte_stops_when_the_queue_is_full() -> None:
    """Silence compresses well: FLAC needs 14 bytes a block for it."""
    out = io.BytesIO()
    with av.open(out, "w", format="flac") as file:
        stream: Any = file.add_stream("flac", rate=48_000, layout="mono")
        size = 4608
        frame = av.AudioFrame.from_ndarray(np.zeros((1, size), dtype=np.int16), format="s16", layout="mono")
        frame.sample_rate = 48_000
        for number in range(3600 * 48_000 // size):
            frame.pts = number * size
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    assert len(out.getvalue()) < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sink = await feed_refused(out.getvalue(), max_samples=120 * RATE)
    assert sink.count < 121 * RATE
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


@pytest.mark.parametrize("rate", [1, 100, 7_999, 192_001, 4_000_000_000])
async def test_absurd_sample_rates(rate: int) -> None:
    """One sample a second would become sixteen thousand."""
    out = io.BytesIO()
    with wave.open(out, "wb") as writer:
        writer.setparams((1, 1, 16_000, 0, "NONE", ""))
        writer.writeframes(b"\x80" * 100_000)
    data = bytearray(out.getvalue())
    data[24:28] = struct.pack("<I", rate)
    assert (await feed_refused(bytes(data))).count == 0


async def test_thousands_of_tracks() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sink = Sink()
    with suppress(BadAudio):
        await feed(webm(tracks=5000) + block() * 50, sink, "webm")
    assert sink.count < 60 * RATE
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB


@pytest.mark.parametrize("size", [1 << 20, 1 << 28, 1 << 34, 1 << 40, (1 << 56) - 2])
async def test_blocks_with_a_false_size(size: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sink = Sink()
    with suppress(BadAudio):
        await feed(webm() + block(size) * 50, sink, "webm")
    assert sink.count < 60 * RATE
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB


@pytest.mark.parametrize("channels", [0, 3, 8, 255])
async def test_unusual_numbers_of_channels(channels: int) -> None:
    sink = Sink()
    with suppress(BadAudio):
        await feed(webm(channels=channels) + block() * 50, sink, "webm")
    assert sink.count < 60 * RATE
