"""Rewrites the CTranslate2 files of a Whisper model with its tokens in another order."""

from __future__ import annotations

import json
import mmap
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from surtitle.speech.whisper.token_order import TokenOrder

MAX_BYTES = 1 << 30
"""The largest file that is rewritten: a larger model is too slow for live captions on a processor in any order."""

_VERSION = 6  # of the binary format (``ctranslate2.specs.model_spec``)
_EMBEDDINGS = ("decoder/embeddings/weight", "decoder/embeddings/weight_scale")
_PROJECTION = "decoder/projection/weight"  # an alias of the embeddings
_BIAS = "decoder/projection/bias"
_EXCLUDED_LOGIT = -6e4  # in float16, practically minus infinity
_FLOAT16 = 4  # CTranslate2's number for float16
_TYPES = {0: "<f4", 1: "i1", _FLOAT16: "<f2"}  # of weights, by CTranslate2's numbers
_INTEGERS = (2, 3)  # the numbers of types that are settings, and no weights
_SCALE = "_scale"  # ends the name of the scale by which the rows of a quantized variable were multiplied
_TOKENIZER_FILES = ("tokenizer.json", "preprocessor_config.json")
_TOKEN_LISTS = ("lang_ids", "suppress_ids", "suppress_ids_begin")


def read_vocabulary(directory: Path) -> list[str]:
    """The tokens of a converted model. Raises OSError, ValueError."""
    listed = directory / "vocabulary.json"
    if listed.is_file():
        tokens = json.loads(listed.read_bytes())
        return [str(token) for token in tokens]
    return (directory / "vocabulary.txt").read_bytes().decode().removesuffix("\n").split("\n")


def write_reordered(directory: Path, order: TokenOrder, target: Path) -> None:
    """Write the model's files to the ``target`` directory, with the tokens that CTranslate2 reads in ``order``.

    The tokenizer is copied unchanged. Raises OSError, and ValueError if the file format is not the supported one.
    """
    config: dict[str, Any] = json.loads((directory / "config.json").read_bytes())
    for name in _TOKEN_LISTS:
        if name in config:
            config[name] = order.reorder(config[name])
    tokens = read_vocabulary(directory)
    names = [f"<|copy {new}|>" if new < order.copy_count else tokens[old] for new, old in enumerate(order.order)]
    (target / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (target / "vocabulary.json").write_text(json.dumps(names), encoding="utf-8")
    with (
        (directory / "model.bin").open("rb") as source,
        mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as data,
        (target / "model.bin").open("wb") as file,
    ):
        file.writelines(_reorder_weights(data, order))
    for name in _TOKENIZER_FILES:
        if (directory / name).is_file():
            shutil.copyfile(directory / name, target / name)


def read_variables(data: mmap.mmap) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """The variables of a model file and their values as float32, those stored as integers multiplied by their scale.

    Raises ValueError if the file format is not the supported one.
    """
    reader = _Reader(data)
    if reader.read_number("I") != _VERSION or reader.read_text() != "WhisperSpec":
        raise ValueError("its file format is not known")
    reader.read_number("I")  # the specification's revision
    found = [reader.read_variable() for _ in range(reader.read_number("I"))]
    scales = {name: _read_values(data, values, kind, name) for name, _, values, kind in found if name.endswith(_SCALE)}
    for name, shape, values, kind in found:
        if name in scales or kind in _INTEGERS:
            continue
        numbers = _read_values(data, values, kind, name).reshape(shape)
        if (scale := scales.get(name + _SCALE)) is not None:
            numbers /= scale.reshape(-1, *(1,) * (numbers.ndim - 1))
        yield name, numbers


def _read_values(data: mmap.mmap, values: range, kind: int, name: str) -> npt.NDArray[np.float32]:
    if kind not in _TYPES:
        raise ValueError(f"the type of {name} is not known")
    stored: npt.NDArray[Any] = np.frombuffer(data[values.start : values.stop], np.dtype(_TYPES[kind]))
    return stored.astype(np.float32)


def _reorder_weights(data: mmap.mmap, order: TokenOrder) -> Iterator[bytes]:
    """The parts of the model file, with the rows of the embeddings in another order.

    The output layer shares these rows. It gets a bias that prevents copies from being generated. Raises ValueError.
    """
    size = len(order.order)
    reader = _Reader(data)
    if reader.read_number("I") != _VERSION or reader.read_text() != "WhisperSpec":
        raise ValueError("its file format is not known")
    reader.read_number("I")  # the specification's revision
    yield data[: reader.offset]
    variables = reader.read_number("I")
    yield struct.pack("<I", variables + 1)
    for _ in range(variables):
        start = reader.offset
        name, shape, values, _ = reader.read_variable()
        if shape[:1] != (size,):
            yield data[start : reader.offset]
        elif name in _EMBEDDINGS:
            yield data[start : values.start]
            yield _reorder_rows(data, values, order)
        else:
            raise ValueError(f"the size of {name} is that of its vocabulary")
    aliases = data[reader.offset :]
    if _PROJECTION.encode() not in aliases:
        raise ValueError("its output layer has weights of its own")
    yield _encode_bias(order)
    yield aliases


def _reorder_rows(data: mmap.mmap, values: range, order: TokenOrder) -> bytes:
    rows = np.frombuffer(data[values.start : values.stop], np.uint8).reshape(len(order.order), -1)
    return rows[list(order.order)].tobytes()


def _encode_bias(order: TokenOrder) -> bytes:
    bias = np.zeros(len(order.order), dtype=np.float16)
    bias[: order.copy_count] = _EXCLUDED_LOGIT
    name = _BIAS.encode() + b"\0"
    return (
        struct.pack("<H", len(name)) + name + struct.pack("<BIBI", 1, len(bias), _FLOAT16, bias.nbytes) + bias.tobytes()
    )


class _Reader:
    """Reads a file in the format that ``ctranslate2.specs.model_spec`` writes, from start to end."""

    def __init__(self, data: mmap.mmap) -> None:
        self.offset = 0
        self._data = data

    def read_number(self, code: str) -> int:
        """Read an integer of the type that `struct` calls ``code``."""
        (value,) = struct.unpack_from(f"<{code}", self._data, self.offset)
        self.offset += struct.calcsize(f"<{code}")
        return int(value)

    def read_text(self) -> str:
        """Read a string that its length precedes and a zero byte ends."""
        length = self.read_number("H")
        self.offset += length
        return self._data[self.offset - length : self.offset - 1].decode()

    def read_variable(self) -> tuple[str, tuple[int, ...], range, int]:
        """Read a variable: name, shape, the range of bytes that holds the values, and the number of their type."""
        name = self.read_text()
        shape = tuple(self.read_number("I") for _ in range(self.read_number("B")))
        kind = self.read_number("B")
        size = self.read_number("I")
        self.offset += size
        return name, shape, range(self.offset - size, self.offset), kind
