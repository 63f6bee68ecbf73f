"""CTranslate2's files of a Whisper model, rewritten for another order of its tokens."""

from __future__ import annotations

import json
import mmap
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from surtitle.speech.whisper.token_order import TokenOrder

MAX_BYTES = 1 << 30
"""Of a file that is rewritten: a larger one is too slow for live captions on a processor in any order."""

_VERSION = 6  # of the binary format (``ctranslate2.specs.model_spec``)
_EMBEDDINGS = ("decoder/embeddings/weight", "decoder/embeddings/weight_scale")
_PROJECTION = "decoder/projection/weight"  # another name for the embeddings
_BIAS = "decoder/projection/bias"
_NEVER = -6e4  # a logit, float16: as good as minus infinity
_FLOAT16 = 4  # CTranslate2's number of the type
_TOKENIZER = ("tokenizer.json", "preprocessor_config.json")
_TOKEN_LISTS = ("lang_ids", "suppress_ids", "suppress_ids_begin")


def read_vocabulary(directory: Path) -> list[str]:
    """The tokens of a converted model. Raises OSError, ValueError."""
    listed = directory / "vocabulary.json"
    if listed.is_file():
        tokens = json.loads(listed.read_bytes())
        return [str(token) for token in tokens]
    return (directory / "vocabulary.txt").read_bytes().decode().removesuffix("\n").split("\n")


def write_reordered(directory: Path, order: TokenOrder, target: Path) -> None:
    """Write the model's files into another directory, with the tokens in that order where CTranslate2 reads them.

    The tokenizer stays as it is. Raises OSError, and ValueError for files of a format other than the one known here.
    """
    config: dict[str, Any] = json.loads((directory / "config.json").read_bytes())
    for name in _TOKEN_LISTS:
        if name in config:
            config[name] = order.reorder(config[name])
    tokens = read_vocabulary(directory)
    names = [f"<|copy {new}|>" if new < order.copies else tokens[old] for new, old in enumerate(order.order)]
    (target / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (target / "vocabulary.json").write_text(json.dumps(names), encoding="utf-8")
    with (
        (directory / "model.bin").open("rb") as source,
        mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as data,
        (target / "model.bin").open("wb") as file,
    ):
        file.writelines(_reordered(data, order))
    for name in _TOKENIZER:
        if (directory / name).is_file():
            shutil.copyfile(directory / name, target / name)


def _reordered(data: mmap.mmap, order: TokenOrder) -> Iterator[bytes]:
    """The rows of the embeddings, which are also those of the output layer, in another order.

    A bias is added to the output layer that keeps copies from being written.
    """
    size = len(order.order)
    reader = _Reader(data)
    if reader.number("I") != _VERSION or reader.text() != "WhisperSpec":
        raise ValueError("its file format is not known")
    reader.number("I")  # the specification's revision
    yield data[: reader.at]
    variables = reader.number("I")
    yield struct.pack("<I", variables + 1)
    for _ in range(variables):
        begin = reader.at
        name, shape, values = reader.variable()
        if shape[:1] != (size,):
            yield data[begin : reader.at]
        elif name in _EMBEDDINGS:
            yield data[begin : values.start]
            yield _rows(data, values, order)
        else:
            raise ValueError(f"the size of {name} is that of its vocabulary")
    aliases = data[reader.at :]
    if _PROJECTION.encode() not in aliases:
        raise ValueError("its output layer has weights of its own")
    yield _bias(order)
    yield aliases


def _rows(data: mmap.mmap, values: range, order: TokenOrder) -> bytes:
    rows = np.frombuffer(data[values.start : values.stop], np.uint8).reshape(len(order.order), -1)
    return rows[list(order.order)].tobytes()


def _bias(order: TokenOrder) -> bytes:
    bias = np.zeros(len(order.order), dtype=np.float16)
    bias[: order.copies] = _NEVER
    name = _BIAS.encode() + b"\0"
    return (
        struct.pack("<H", len(name)) + name + struct.pack("<BIBI", 1, len(bias), _FLOAT16, bias.nbytes) + bias.tobytes()
    )


class _Reader:
    """Goes through a file of the format that ``ctranslate2.specs.model_spec`` writes."""

    def __init__(self, data: mmap.mmap) -> None:
        self.at = 0
        self._data = data

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from(f"<{form}", self._data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return int(value)

    def text(self) -> str:
        length = self.number("H")
        self.at += length
        return self._data[self.at - length : self.at - 1].decode()

    def variable(self) -> tuple[str, tuple[int, ...], range]:
        """Its name, its shape, and where its values are."""
        name = self.text()
        shape = tuple(self.number("I") for _ in range(self.number("B")))
        self.number("B")  # its type
        size = self.number("I")
        self.at += size
        return name, shape, range(self.at - size, self.at)
