"""The test model with the arithmetic of a larger one: the same words at a real cost.

Every vector of the network becomes ``copies`` copies of itself, every matrix works on the copies and divides by their
number, and layers whose output projections are zero come before the trained ones. The vocabulary is laid out as
Whisper's, because WhisperLiveKit's decoder counts languages by its size; the entries between text and special tokens
are never written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from benchmarks.weights import Array

TEXT_TOKENS = 768
PLACE_OF_SPECIALS = 50257
VOCABULARY = 51865
NEVER = -1e4  # the logit of an entry that must not be written

Weights = dict[str, Array]

_LAYER = re.compile(r"(encoder|decoder)/layer_(\d+)/")
_GIVING = ("self_attention/linear_1", "attention/linear_2", "ffn/linear_1")


@dataclass(frozen=True)
class Size:
    """How large a network is made; widths are ``copies`` times the trained ones."""

    name: str
    copies: int
    encoder_layers: int
    decoder_layers: int


SMALL = Size("small", 1, 4, 2)
BASE = Size("base", 3, 6, 6)
SIZES = {size.name: size for size in (SMALL, BASE)}


def padded(trained: Weights, size: Size) -> Weights:
    """The network in another size, over Whisper's vocabulary."""
    heads = int(trained["encoder/num_heads"])
    made: Weights = {}
    for name, value in trained.items():
        if value.ndim and not _LAYER.match(name) and "projection" not in name:
            made[name] = _outside_layers(name.partition("/")[2], value, size.copies)
    made["decoder/layer_norm/gamma"] /= size.copies  # for the logits, which sum over the copies
    made["decoder/layer_norm/beta"] /= size.copies
    made["decoder/embeddings/weight"] = _spread(made["decoder/embeddings/weight"])
    for stack, layers in (("encoder", size.encoder_layers), ("decoder", size.decoder_layers)):
        extra = layers - layers_of(trained, stack)
        for number in range(layers):
            source = f"{stack}/layer_{max(0, number - extra)}/"
            for name in (name for name in trained if name.startswith(source)):
                part = name.removeprefix(source)
                value = _in_layer(part, trained[name], size.copies, heads)
                if number < extra and part.startswith(_GIVING):
                    value = np.zeros_like(value)
                made[f"{stack}/layer_{number}/{part}"] = value.astype(np.float32)
    return made


def layers_of(weights: Weights, stack: str) -> int:
    """The number of layers of the encoder or the decoder."""
    return len({found[2] for name in weights if (found := _LAYER.match(name)) and found[1] == stack})


def unwritten() -> Array:
    """Where the vocabulary has entries that are never written."""
    return np.arange(TEXT_TOKENS, PLACE_OF_SPECIALS)


def with_silent_entries(weights: Weights) -> Array:
    """The embeddings, with rows that give every unwritten entry the logit ``NEVER`` when there is no bias.

    What the last normalisation puts out, divided by its gamma, always has the same sum: that of its beta so divided.
    """
    gamma, beta = weights["decoder/layer_norm/gamma"], weights["decoder/layer_norm/beta"]
    table = weights["decoder/embeddings/weight"].copy()
    table[unwritten()] = NEVER / gamma / (beta / gamma).sum()
    return table


def _outside_layers(part: str, value: Array, copies: int) -> Array:
    if part.startswith("conv2/weight"):
        return np.tile(value, (copies, copies, 1)) / copies
    if part.startswith(("position_encodings", "embeddings")):
        return np.tile(value, (1, copies))
    return np.tile(value, (copies, *[1] * (value.ndim - 1)))


def _in_layer(part: str, value: Array, copies: int, heads: int) -> Array:
    linear = part.rpartition("/")[0]
    if "layer_norm" in part:
        return np.tile(value, copies)
    if part.startswith("ffn"):
        return _rows_and_columns(value, copies)
    width = value.shape[-1] if value.ndim == 2 else None
    if linear in ("self_attention/linear_1", "attention/linear_2"):
        if value.ndim == 1:
            return np.tile(value, copies)
        by_head = value.reshape(len(value), heads, -1)
        return np.tile(by_head, (copies, 1, copies)).reshape(copies * len(value), -1) / copies
    kinds = {"self_attention/linear_0": "qkv", "attention/linear_0": "q", "attention/linear_1": "kv"}[linear]
    made = []
    for kind, rows in zip(kinds, np.split(value, len(kinds)), strict=True):
        by_head = rows.reshape(heads, len(rows) // heads, -1)
        wide = np.tile(by_head, (1, copies, copies if width else 1)).reshape(copies * len(rows), -1)
        if width:
            wide = wide / copies
        made.append(wide / np.sqrt(copies) if kind == "q" else wide)  # scores sum over the copies
    joined = np.concatenate(made)
    return joined if width else joined[:, 0]


def _rows_and_columns(value: Array, copies: int) -> Array:
    return np.tile(value, copies) if value.ndim == 1 else np.tile(value, (copies, copies)) / copies


def _spread(table: Array) -> Array:
    """The embeddings at their places in Whisper's vocabulary."""
    wide = np.zeros((VOCABULARY, table.shape[1]), np.float32)
    wide[:TEXT_TOKENS] = table[:TEXT_TOKENS]
    wide[PLACE_OF_SPECIALS:] = table[TEXT_TOKENS + 1 :]
    return wide
