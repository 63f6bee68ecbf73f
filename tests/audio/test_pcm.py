import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from surtitle.audio.pcm import PcmDecoder, to_pcm


def test_full_scale_and_silence() -> None:
    samples = PcmDecoder(1).decode_frames(b"\x00\x80\x00\x00\xff\x7f")
    assert samples.tolist() == [[-1.0], [0.0], [32767 / 32768]]


@given(st.binary(max_size=200), st.lists(st.integers(0, 7), max_size=40), st.sampled_from([1, 2]))
def test_the_bytes_may_be_split_anywhere(data: bytes, cuts: list[int], channels: int) -> None:
    decoder = PcmDecoder(channels)
    parts, at = [], 0
    for cut in cuts:
        parts.append(decoder.decode_frames(data[at : at + cut]))
        at += cut
    parts.append(decoder.decode_frames(data[at:]))
    whole = PcmDecoder(channels)
    assert np.array_equal(np.concatenate(parts), whole.decode_frames(data))
    assert decoder.pending == whole.pending == len(data) % (2 * channels)


def test_louder_than_full_scale_is_clipped() -> None:
    assert np.frombuffer(to_pcm(np.array([2.0, -2.0, 0.5], dtype=np.float32)), "<i2").tolist() == [32767, -32768, 16384]


def test_g711_is_decoded_as_the_standard_defines_it() -> None:
    mulaw = PcmDecoder(1, "mulaw").decode_frames(b"\x00\x80\xff\x7f")[:, 0] * 32768
    assert mulaw.tolist() == [-32124, 32124, 0, 0]
    alaw = PcmDecoder(1, "alaw").decode_frames(b"\x2a\xaa\xd5\x55")[:, 0] * 32768
    assert alaw.tolist() == [-32256, 32256, 8, -8]


def test_g711_in_two_channels() -> None:
    decoder = PcmDecoder(2, "mulaw")
    assert decoder.decode_frames(b"\x00\x80\x00").shape == (1, 2)
    assert decoder.pending == 1
