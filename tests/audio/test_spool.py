"""MP4 files whose index follows the media data."""

from __future__ import annotations

import io

import numpy as np
import pytest

from surtitle.audio import RATE
from surtitle.audio.intake import open_intake
from surtitle.audio.spool import make_seekable
from surtitle.core.errors import BadAudio
from tests.audio.test_intake import SECONDS, Sink, encode_tone, tone

FTYP = b"\0\0\0\x10ftypisom\0\0\2\0"
FREE = b"\0\0\0\x0cfree1234"


def encode_fragments() -> bytes:
    import av

    out = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    with av.open(out, "w", format="mp4", options=options) as file:
        stream = file.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone()[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = 48_000
        fifo = av.AudioFifo()
        fifo.write(frame)
        while (piece := fifo.read(1024, partial=True)) is not None:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize("step", [5, 1000, 1 << 20])
@pytest.mark.parametrize("kind", ["index at the end", "fragments"])
async def test_an_mp4_is_heard_wherever_its_index_is(kind: str, step: int) -> None:
    data = encode_tone("mp4", "aac") if kind == "index at the end" else encode_fragments()
    sink = Sink()
    intake = open_intake("auto", 0, 0, sink)
    for at in range(0, len(data), step):
        await intake.write(data[at : at + step])
    await intake.finish()
    assert len(sink.samples) / RATE == pytest.approx(SECONDS, abs=0.1)
    assert np.abs(sink.samples).max() > 0.3


async def test_an_mp4_that_is_cut_short_is_an_error() -> None:
    intake = open_intake("auto", 0, 0, Sink())
    await intake.write(encode_tone("mp4", "aac")[:2000])
    with pytest.raises(BadAudio, match="cannot read this stream"):
        await intake.finish()


@pytest.mark.parametrize(
    ("data", "spooled"),
    [
        (FTYP + FREE + b"\0\0\0\0mdat1234", True),
        (FTYP + b"\0\0\0\x08moov", False),
        (FTYP + b"\0\0\0\x08moof", False),
        (FTYP + b"\0\0\0\0free", False),  # a length that says nothing
        (FTYP[:12], False),
        (b"OggS" + b"\0" * 40, False),
        (b"", False),
    ],
)
def test_only_what_cannot_be_decoded_as_it_arrives_is_stored(data: bytes, spooled: bool) -> None:
    class Pieces(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(3)

    with make_seekable(Pieces(data)) as stream:
        assert hasattr(stream, "seek") is spooled
        found = b""
        while piece := stream.read(7):
            found += piece
    assert found == data
