"""Writes a Whisper model in CTranslate2's format as a file for whisper.cpp (ggml). The numbers stay the same.

Source of the format: whisper.cpp's `convert-pt-to-ggml.py`; of CTranslate2's: `ctranslate2.specs.model_spec`.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from surtitle.core.errors import ModelError
from surtitle.speech.whisper.check import check_directory
from surtitle.speech.whisper.mel_filters import compute_mel_filters
from surtitle.speech.whisper.model_file import read_variables, read_vocabulary

_MAGIC = 0x67676D6C  # "ggml"
_FLOAT32, _FLOAT16, _INT8 = 0, 1, 8  # ggml's numbers of types; the last is q8_0
_FILE_FLOAT16, _FILE_INT8 = 1, 2007  # of kinds of files
_BLOCK = 32  # numbers that have a scale of their own in q8_0
_FRAME_SIZE = 400  # samples from which a frame of features is computed
_HEAD_SIZE = 64  # rows of each attention head, in all of Whisper's sizes
_END = "<|endoftext|>"  # the first token that is not text
_IN_FLOAT32 = ("encoder.positional_embedding", "decoder.positional_embedding")

Array = npt.NDArray[np.float32]

_NAMES = {
    "encoder/conv1/weight": "encoder.conv1.weight",
    "encoder/conv1/bias": "encoder.conv1.bias",
    "encoder/conv2/weight": "encoder.conv2.weight",
    "encoder/conv2/bias": "encoder.conv2.bias",
    "encoder/position_encodings/encodings": "encoder.positional_embedding",
    "encoder/layer_norm/gamma": "encoder.ln_post.weight",
    "encoder/layer_norm/beta": "encoder.ln_post.bias",
    "decoder/position_encodings/encodings": "decoder.positional_embedding",
    "decoder/embeddings/weight": "decoder.token_embedding.weight",
    "decoder/layer_norm/gamma": "decoder.ln.weight",
    "decoder/layer_norm/beta": "decoder.ln.bias",
}
_LAYER = re.compile(r"(encoder|decoder)/layer_(\d+)/(self_attention|attention|ffn)/(linear_\d|layer_norm)/(\w+)")
_BLOCKS = {"self_attention": "attn", "attention": "cross_attn", "ffn": "mlp"}
_PARTS = {
    ("self_attention", "linear_0"): ("query", "key", "value"),
    ("self_attention", "linear_1"): ("out",),
    ("attention", "linear_0"): ("query",),
    ("attention", "linear_1"): ("key", "value"),
    ("attention", "linear_2"): ("out",),
    ("ffn", "linear_0"): ("0",),
    ("ffn", "linear_1"): ("2",),
}
_KINDS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


def convert(directory: Path, file: Path, *, quantize: bool = False) -> None:
    """Convert the model in ``directory``, and write it to ``file``. Raises `ModelError`.

    ``quantize``: the weights are rounded to 8 bits (q8_0), which takes half of the memory and less processor time.
    """
    check_directory(directory)
    partial = file.with_name(file.name + ".part")
    try:
        with (
            (directory / "model.bin").open("rb") as source,
            mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            tensors = dict(_rename(read_variables(data)))
            tokens = _read_text_tokens(directory)
            with partial.open("wb") as target:
                _write(target, tensors, tokens, quantize=quantize)
        os.replace(partial, file)
    except (OSError, ValueError, KeyError, struct.error) as error:
        partial.unlink(missing_ok=True)
        raise ModelError(
            f"Cannot convert the model in {directory} to {file} ({error}): it must be a Whisper model in CTranslate2's "
            "format."
        ) from error


def _rename(variables: Iterator[tuple[str, Array]]) -> Iterator[tuple[str, Array]]:
    """The tensors by whisper.cpp's names. Raises ValueError for a variable that it does not have."""
    for name, values in variables:
        if name in _NAMES:
            yield _NAMES[name], values
        elif match := _LAYER.fullmatch(name):
            part, layer, block, linear, kind = match.groups()
            prefix = f"{part}.blocks.{layer}.{_BLOCKS[block]}"
            if linear == "layer_norm":
                yield f"{prefix}_ln.{_KINDS[kind]}", values
                continue
            parts = _PARTS[block, linear]
            for each, piece in zip(parts, np.split(values, len(parts)), strict=True):
                if (each, kind) != ("key", "bias"):  # Whisper's keys have none
                    yield f"{prefix}.{each}.{_KINDS[kind]}", piece
        elif values.size > 1:
            raise ValueError(f"{name} is unknown")


def _read_text_tokens(directory: Path) -> list[bytes]:
    """The bytes of all tokens that are text."""
    tokens = read_vocabulary(directory)
    letters = _byte_letters()
    return [bytes(letters[letter] for letter in token) for token in tokens[: tokens.index(_END)]]


def _byte_letters() -> dict[str, int]:
    """The byte for each letter of byte-level BPE: printable ones are themselves, others follow from U+0100 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + at): byte for at, byte in enumerate(others)}


def _write(file: IO[bytes], tensors: dict[str, Array], tokens: list[bytes], *, quantize: bool) -> None:
    embeddings, positions = tensors["decoder.token_embedding.weight"], tensors["decoder.positional_embedding"]
    encoded = tensors["encoder.positional_embedding"]
    mels = tensors["encoder.conv1.weight"].shape[1]
    encoder, decoder = (_count_layers(tensors, part) for part in ("encoder", "decoder"))
    sizes = (
        len(embeddings), *encoded.shape, encoded.shape[1] // _HEAD_SIZE, encoder, *positions.shape,
        positions.shape[1] // _HEAD_SIZE, decoder, mels,
        _FILE_INT8 if quantize else _FILE_FLOAT16,
    )  # fmt: skip
    file.write(struct.pack("<I11i", _MAGIC, *sizes))
    filters = compute_mel_filters(_FRAME_SIZE, mels)
    file.write(struct.pack("<2i", *filters.shape) + filters.astype("<f4").tobytes())
    file.write(struct.pack("<i", len(tokens)))
    for token in tokens:
        file.write(struct.pack("<i", len(token)) + token)
    for name, values in tensors.items():
        kind = _FLOAT32 if values.ndim < 2 or name in _IN_FLOAT32 else _FLOAT16
        if quantize and kind == _FLOAT16 and values.ndim == 2:  # not the convolutions
            kind = _INT8
        if name in ("encoder.conv1.bias", "encoder.conv2.bias"):
            values = values.reshape(-1, 1)
        file.write(struct.pack("<3i", values.ndim, len(name), kind))
        file.write(struct.pack(f"<{values.ndim}i", *reversed(values.shape)) + name.encode())
        file.write(
            _quantize(values) if kind == _INT8 else values.astype("<f2" if kind == _FLOAT16 else "<f4").tobytes()
        )


def _quantize(values: Array) -> bytes:
    """The values in q8_0: blocks of a scale and numbers of 8 bits."""
    blocks = values.reshape(-1, _BLOCK)
    scales = np.abs(blocks).max(axis=1, keepdims=True) / 127
    stored = np.empty(len(blocks), dtype=[("scale", "<f2"), ("values", "i1", _BLOCK)])
    stored["scale"] = scales[:, 0]
    stored["values"] = np.rint(np.divide(blocks, scales, out=np.zeros_like(blocks), where=scales > 0))
    return stored.tobytes()


def _count_layers(tensors: dict[str, Array], part: str) -> int:
    return sum(name.startswith(f"{part}.blocks.") and name.endswith(".attn.out.weight") for name in tensors)
