"""The converter, on a Whisper that was never trained."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surtitle.core.errors import ModelError
from surtitle.speech.whisper.model_file import read_variables
from surtitle.speech.whisper_cpp.convert import convert
from tests.untrained import untrained_whisper

TYPES: dict[int, Any] = {0: "<f4", 1: "<f2", 8: [("scale", "<f2"), ("values", "i1", 32)]}


def read(file: Path) -> tuple[tuple[int, ...], list[bytes], dict[str, Any]]:
    """The sizes, the tokens and the tensors of a ggml file."""
    data = file.read_bytes()
    at = 0

    def take(form: str) -> tuple[int, ...]:
        nonlocal at
        at += struct.calcsize(form)
        return struct.unpack_from(form, data, at - struct.calcsize(form))

    magic, *sizes = take("<I11i")
    assert magic == 0x67676D6C
    mels, frequencies = take("<2i")
    at += 4 * mels * frequencies
    tokens = []
    for _ in range(take("<i")[0]):
        (length,) = take("<i")
        tokens.append(data[at : at + length])
        at += length
    tensors: dict[str, Any] = {}
    while at < len(data):
        rank, length, kind = take("<3i")
        shape = tuple(reversed(take(f"<{rank}i")))
        name = data[at : at + length].decode()
        at += length
        stored = np.frombuffer(data, np.dtype(TYPES[kind]), int(np.prod(shape)) // (32 if kind == 8 else 1), at)
        at += stored.nbytes
        values = stored["values"] * stored["scale"].astype(np.float32)[:, None] if kind == 8 else stored
        tensors[name] = values.reshape(shape)
    return tuple(sizes), tokens, tensors


def test_all_numbers_are_the_same(whisper_tiny: Path, tmp_path: Path) -> None:
    file = tmp_path / "ggml-tiny.en.bin"
    convert(whisper_tiny, file)
    sizes, tokens, tensors = read(file)
    assert sizes == (51864, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 1)
    assert len(tokens) == 50256
    assert (tokens[0], tokens[262]) == (b"!", b" the")
    assert len(tensors) == 8 + 4 + 15 * 4 + 24 * 4 - 1
    with (
        (whisper_tiny / "model.bin").open("rb") as source,
        mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        variables = dict(read_variables(data))
    for part, name in (("weight", "weight"), ("bias", "bias")):
        fused = np.split(variables[f"encoder/layer_1/self_attention/linear_0/{name}"], 3)
        for block, wanted in zip(("query", "key", "value"), fused, strict=True):
            if (found := tensors.get(f"encoder.blocks.1.attn.{block}.{part}")) is not None:
                np.testing.assert_array_equal(found, wanted)
            else:
                assert (block, part) == ("key", "bias")
    np.testing.assert_array_equal(tensors["encoder.conv1.bias"][:, 0], variables["encoder/conv1/bias"])
    np.testing.assert_array_equal(tensors["decoder.token_embedding.weight"], variables["decoder/embeddings/weight"])


def test_weights_are_rounded_to_eight_bits(whisper_tiny: Path, tmp_path: Path) -> None:
    exact, rounded = tmp_path / "exact.bin", tmp_path / "rounded.bin"
    convert(whisper_tiny, exact)
    convert(whisper_tiny, rounded, quantize=True)
    (*_, kind), _, tensors = read(rounded)
    assert kind == 2007
    assert rounded.stat().st_size < 0.6 * exact.stat().st_size
    wanted = read(exact)[2]["decoder.blocks.0.mlp.0.weight"].astype(np.float32)
    np.testing.assert_allclose(tensors["decoder.blocks.0.mlp.0.weight"], wanted, atol=np.abs(wanted).max() / 120)


def test_what_cannot_be_converted_leaves_no_file(tmp_path: Path) -> None:
    """This one has an output layer of its own, which whisper.cpp's format has no place for."""
    with pytest.raises(ModelError, match="Cannot convert the model"):
        convert(untrained_whisper(), tmp_path / "ggml.bin")
    assert not list(tmp_path.iterdir())
