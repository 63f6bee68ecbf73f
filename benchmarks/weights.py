"""The weights in a CTranslate2 directory as float arrays, whatever they were quantized to."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_TYPES = ("float32", "int8", "int16", "int32", "float16")
_LAYER = re.compile(r"(encoder|decoder)/layer_(\d+)/")


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from("<" + form, self._data, self._at)
        self._at += struct.calcsize("<" + form)
        return int(value)

    def raw(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]

    def text(self) -> str:
        return self.raw(self.number("H"))[:-1].decode()

    def array(self) -> Array:
        shape = [self.number("I") for _ in range(self.number("B"))]
        kind = _TYPES[self.number("B")]
        return np.frombuffer(self.raw(self.number("I")), kind).reshape(shape)


def read(directory: Path) -> dict[str, Array]:
    """Every variable of ``model.bin`` by its name; the layout is that of `ctranslate2.specs.model_spec`."""
    reader = _Reader((directory / "model.bin").read_bytes())
    version = reader.number("I")
    if version != 6:
        raise ValueError(f"{directory}/model.bin has the binary version {version}, and only 6 can be read")
    reader.text()
    reader.number("I")
    stored = {}
    for _ in range(reader.number("I")):
        name = reader.text()
        stored[name] = reader.array()
    for _ in range(reader.number("I")):
        alias = reader.text()
        name = reader.text()
        for end in ("", "_scale"):
            if name + end in stored:
                stored[alias + end] = stored[name + end]
    return {name: _float(stored, name) for name in stored if not name.endswith("_scale")}


def count_layers(weights: dict[str, Array], stack: str) -> int:
    """The number of layers of the encoder or the decoder."""
    return len({found[2] for name in weights if (found := _LAYER.match(name)) and found[1] == stack})


def _float(stored: dict[str, Array], name: str) -> Array:
    value = stored[name]
    scale = stored.get(f"{name}_scale")
    if scale is None:
        return value
    return (value / scale.reshape(-1, *[1] * (value.ndim - 1))).astype(np.float32)
