"""The decoder of a CTranslate2 Whisper under the names of OpenAI's implementation.

WhisperLiveKit's AlignAtt encodes with CTranslate2 and decodes with PyTorch, so it needs the decoder in both forms.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.weights import Array, count_layers, read

_TORCH_NAMES = {
    "self_attention/layer_norm": "attn_ln",
    "self_attention/linear_1": "attn.out",
    "attention/layer_norm": "cross_attn_ln",
    "attention/linear_0": "cross_attn.query",
    "attention/linear_2": "cross_attn.out",
    "ffn/layer_norm": "mlp_ln",
    "ffn/linear_0": "mlp.0",
    "ffn/linear_1": "mlp.2",
}


def write(directory: Path, file: Path) -> None:
    """Write the decoder of the model in ``directory`` to ``file``, a NumPy archive."""
    np.savez(file, **state(read(directory)))  # type: ignore[arg-type]


def state(weights: dict[str, Array]) -> dict[str, Array]:
    """The decoder's weights, float32, and the network's sizes as `dims.NAME`."""
    table = weights["decoder/embeddings/weight"]
    named: dict[str, Array] = {
        "decoder.token_embedding.weight": table,
        "decoder.positional_embedding": weights["decoder/position_encodings/encodings"],
        "decoder.ln.weight": weights["decoder/layer_norm/gamma"],
        "decoder.ln.bias": weights["decoder/layer_norm/beta"],
    }
    for number in range(count_layers(weights, "decoder")):
        source, target = f"decoder/layer_{number}/", f"decoder.blocks.{number}."
        for part, name in _TORCH_NAMES.items():
            kinds = ("gamma", "beta") if part.endswith("norm") else ("weight", "bias")
            for kind, torch_kind in zip(kinds, ("weight", "bias"), strict=True):
                named[f"{target}{name}.{torch_kind}"] = weights[f"{source}{part}/{kind}"]
        for part, block, names in (
            ("self_attention/linear_0", "attn", ("query", "key", "value")),
            ("attention/linear_1", "cross_attn", ("key", "value")),
        ):
            for kind in ("weight", "bias"):
                joined = weights[f"{source}{part}/{kind}"]
                for name, rows in zip(names, np.split(joined, len(names)), strict=True):
                    if (name, kind) != ("key", "bias"):  # Whisper's keys have none: it would change no attention
                        named[f"{target}{block}.{name}.{kind}"] = rows
    width = table.shape[1]
    heads = {stack: int(weights[f"{stack}/num_heads"]) for stack in ("encoder", "decoder")}
    dims = {
        "n_mels": weights["encoder/conv1/weight"].shape[1],
        "n_audio_ctx": weights["encoder/position_encodings/encodings"].shape[0],
        "n_audio_state": width,
        "n_audio_head": heads["encoder"],
        "n_audio_layer": count_layers(weights, "encoder"),
        "n_vocab": table.shape[0],
        "n_text_ctx": weights["decoder/position_encodings/encodings"].shape[0],
        "n_text_state": width,
        "n_text_head": heads["decoder"],
        "n_text_layer": count_layers(weights, "decoder"),
    }
    return {
        **{name: np.ascontiguousarray(value, dtype=np.float32) for name, value in named.items()},
        **{f"dims.{name}": np.array(value) for name, value in dims.items()},
    }


def alignment_heads(directory: Path) -> str:
    """The heads that follow the sound, by the model's `config.json`, in the form that Whisper's checkpoints have."""
    weights = read(directory)
    pairs = json.loads((directory / "config.json").read_text())["alignment_heads"]
    return encoded_heads(pairs, count_layers(weights, "decoder"), int(weights["decoder/num_heads"]))


def encoded_heads(pairs: Sequence[Sequence[int]], layers: int, heads: int) -> str:
    """Pairs of layer and head as a packed mask of shape (layers, heads)."""
    mask = np.zeros((layers, heads), bool)
    for layer, head in pairs:
        mask[layer, head] = True
    return base64.b85encode(gzip.compress(mask.tobytes(), mtime=0)).decode()
