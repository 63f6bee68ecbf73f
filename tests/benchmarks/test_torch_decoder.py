"""A CTranslate2 decoder under the names of OpenAI's implementation, on an untrained Whisper."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.models import VARIABLE, Model, find
from benchmarks.torch_decoder import alignment_heads, encoded_heads, state, write
from benchmarks.weights import count_layers, read
from tests.untrained import untrained_whisper


def test_every_weight_of_the_decoder_has_its_place_and_shape(tmp_path: Path) -> None:
    write(untrained_whisper(), tmp_path / "decoder.npz")
    arrays = dict(np.load(tmp_path / "decoder.npz"))
    dims = {name[5:]: int(value) for name, value in arrays.items() if name.startswith("dims.")}
    config = json.loads((untrained_whisper() / "config.json").read_text())
    width, layers = dims["n_text_state"], dims["n_text_layer"]
    assert dims["n_vocab"] == len(json.loads((untrained_whisper() / "vocabulary.json").read_text()))
    assert dims["n_audio_ctx"] == 1500
    assert dims["n_text_ctx"] == 448
    assert layers > max(layer for layer, _ in config["alignment_heads"])
    assert arrays["decoder.token_embedding.weight"].shape == (dims["n_vocab"], width)
    weights = {name: array for name, array in arrays.items() if not name.startswith("dims.")}
    assert all(array.dtype == np.float32 for array in weights.values())
    per_layer = [name for name in weights if name.startswith("decoder.blocks.0.")]
    assert len(per_layer) == 24  # 3 norms, 2 attentions with a key that has no bias, 2 layers of the network
    assert len(weights) == 4 + layers * len(per_layer)
    for part in ("query", "key", "value", "out"):
        assert weights[f"decoder.blocks.0.cross_attn.{part}.weight"].shape == (width, width)
    assert "decoder.blocks.0.attn.key.bias" not in weights


def test_joined_projections_are_split_in_order() -> None:
    weights = read(untrained_whisper())
    made = state(weights)
    joined = weights["decoder/layer_1/self_attention/linear_0/weight"]
    parts = [made[f"decoder.blocks.1.attn.{name}.weight"] for name in ("query", "key", "value")]
    assert np.concatenate(parts) == pytest.approx(joined)


def test_alignment_heads_are_those_of_the_model() -> None:
    weights = read(untrained_whisper())
    mask = np.frombuffer(gzip.decompress(base64.b85decode(alignment_heads(untrained_whisper()))), bool)
    shape = (count_layers(weights, "decoder"), int(weights["decoder/num_heads"]))
    pairs = json.loads((untrained_whisper() / "config.json").read_text())["alignment_heads"]
    assert np.argwhere(mask.reshape(shape)).tolist() == sorted(pairs)


def test_the_heads_of_whisper_base_are_those_that_openai_published() -> None:
    pairs = [[3, 1], [4, 2], [4, 3], [4, 7], [5, 1], [5, 2], [5, 4], [5, 6]]
    published = gzip.decompress(base64.b85decode(b"ABzY8KQ!870{>%RzyTQH3`Q^yNP!>##QT-<FaQ7m"))
    assert gzip.decompress(base64.b85decode(encoded_heads(pairs, 6, 8))) == published


def test_models_are_found_by_option_and_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, f"small={untrained_whisper()}")
    assert find("small", {}) == Model("small", untrained_whisper())
    with pytest.raises(LookupError, match=r"no model\.bin"):
        find("small", {"small": tmp_path})
    assert len(Model("small", untrained_whisper()).digest) == 12
