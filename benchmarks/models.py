"""Writes the models of the benchmark: for CTranslate2, and the decoder for WhisperLiveKit's PyTorch."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import WhisperSpec
from ctranslate2.specs.model_spec import index_spec
from tokenizers import Tokenizer

from benchmarks import pad, weights
from benchmarks.pad import Size, Weights
from benchmarks.places import CACHE, TEST_MODEL

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


@dataclass(frozen=True)
class Model:
    """One model in all its forms."""

    name: str
    directory: Path  # for CTranslate2
    decoder: Path  # the decoder as a NumPy archive, with the sizes
    ranks: Path  # the text tokens as tiktoken wants them
    timing_heads: str  # which heads of the decoder know the time, as Whisper writes it


def build(size: Size) -> Model:
    """The model of a size; made when the test model is another than before."""
    key = hashlib.sha256((TEST_MODEL / "model.bin").read_bytes() + Path(pad.__file__).read_bytes()).hexdigest()[:12]
    folder = CACHE / "models" / f"{size.name}-{key}"
    directory, decoder, ranks, heads = (folder / name for name in ("ct2", "decoder.npz", "text.tiktoken", "heads.txt"))
    if not heads.exists():
        shutil.rmtree(folder, ignore_errors=True)
        directory.mkdir(parents=True)
        made = pad.padded(weights.read(TEST_MODEL), size)
        _write_ct2(directory, made, size)
        np.savez(decoder, **_decoder(made, size))  # type: ignore[arg-type]
        ranks.write_text(_ranks())
        mask = np.zeros((size.decoder_layers, _heads()), bool)
        mask[tuple(np.array(_timing_heads(size)).T)] = True
        heads.write_text(base64.b85encode(gzip.compress(mask.tobytes(), mtime=0)).decode())
    return Model(size.name, directory, decoder, ranks, heads.read_text())


def _config() -> dict[str, Any]:
    return dict(json.loads((TEST_MODEL / "config.json").read_text()))


def _heads() -> int:
    return int(weights.read(TEST_MODEL)["encoder/num_heads"])


def _timing_heads(size: Size) -> list[list[int]]:
    extra = size.decoder_layers - pad.layers_of(weights.read(TEST_MODEL), "decoder")
    return [[layer + extra, head] for layer, head in _config()["alignment_heads"]]


def _moved(token: int) -> int:
    return token if token < pad.TEXT_TOKENS else token + pad.PLACE_OF_SPECIALS - pad.TEXT_TOKENS - 1


def _write_ct2(directory: Path, made: Weights, size: Size) -> None:
    spec = WhisperSpec(size.encoder_layers, _heads(), size.decoder_layers, _heads())
    for name, value in made.items():
        scope, _, attribute = name.rpartition("/")
        setattr(index_spec(spec, scope), attribute, value.astype(np.float32))
    spec.decoder.projection.weight = made["decoder/embeddings/weight"].astype(np.float32)
    spec.decoder.projection.bias = _biases()
    spec.register_vocabulary(_vocabulary())
    config = _config()
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [_moved(token) for token in config["suppress_ids_begin"]]
    spec.config.lang_ids = [_moved(token) for token in config["lang_ids"]]
    spec.config.alignment_heads = _timing_heads(size)
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(directory))
    shutil.copy(TEST_MODEL / "preprocessor_config.json", directory)
    tokenizer = json.loads((TEST_MODEL / "tokenizer.json").read_text())
    for token in tokenizer["added_tokens"]:
        token["id"] = _moved(token["id"])
    tokenizer["model"]["vocab"] = {text: number for number, text in enumerate(_vocabulary()) if text}
    (directory / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))


def _biases() -> weights.Array:
    old = weights.read(TEST_MODEL)["decoder/projection/bias"]
    biases = np.full(pad.VOCABULARY, pad.NEVER, np.float32)
    biases[: pad.TEXT_TOKENS] = old[: pad.TEXT_TOKENS]
    biases[pad.PLACE_OF_SPECIALS :] = old[pad.TEXT_TOKENS + 1 :]
    return biases


def _vocabulary() -> list[str]:
    tokens = json.loads((TEST_MODEL / "vocabulary.json").read_text())
    unused = [f"<|unused{number}|>" for number in pad.unwritten()[:-1]]
    return [*tokens[: pad.TEXT_TOKENS], *unused, *tokens[pad.TEXT_TOKENS :]]


def _ranks() -> str:
    """The text tokens with their ranks; entries that are never written are bytes that no text has."""
    bpe = Tokenizer.from_file(str(TEST_MODEL / "tokenizer.json"))
    plain = _bytes_of_letters()
    tokens = [bytes(plain[letter] for letter in bpe.id_to_token(number) or "") for number in range(pad.TEXT_TOKENS)]
    tokens += [b"\xff\xfe" + str(number).encode() for number in pad.unwritten()]
    return "".join(f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in enumerate(tokens))


def _bytes_of_letters() -> dict[str, int]:
    """GPT-2's letters that stand for bytes."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [number for number in range(256) if number not in shown]
    return {chr(number): number for number in shown} | {chr(256 + place): byte for place, byte in enumerate(hidden)}


def _decoder(made: Weights, size: Size) -> Weights:
    """The decoder's weights under the names of OpenAI's implementation, and the network's sizes."""
    state: Weights = {
        "decoder.token_embedding.weight": pad.with_silent_entries(made),
        "decoder.positional_embedding": made["decoder/position_encodings/encodings"],
        "decoder.ln.weight": made["decoder/layer_norm/gamma"],
        "decoder.ln.bias": made["decoder/layer_norm/beta"],
    }
    for number in range(size.decoder_layers):
        source, target = f"decoder/layer_{number}/", f"decoder.blocks.{number}."
        for part, name in _TORCH_NAMES.items():
            kinds = ("gamma", "beta") if part.endswith("norm") else ("weight", "bias")
            for kind, torch_kind in zip(kinds, ("weight", "bias"), strict=True):
                state[f"{target}{name}.{torch_kind}"] = made[f"{source}{part}/{kind}"]
        for part, block, names in (
            ("self_attention/linear_0", "attn", ("query", "key", "value")),
            ("attention/linear_1", "cross_attn", ("key", "value")),
        ):
            for kind in ("weight", "bias"):
                for name, rows in zip(names, np.split(made[f"{source}{part}/{kind}"], len(names)), strict=True):
                    if (name, kind) != ("key", "bias"):  # Whisper's keys have none: it would change no attention
                        state[f"{target}{block}.{name}.{kind}"] = rows
    width = made["decoder/layer_norm/gamma"].shape[0]
    sizes = {
        "n_mels": 80,
        "n_audio_ctx": 1500,
        "n_audio_state": width,
        "n_audio_head": _heads(),
        "n_audio_layer": size.encoder_layers,
        "n_vocab": pad.VOCABULARY,
        "n_text_ctx": 448,
        "n_text_state": width,
        "n_text_head": _heads(),
        "n_text_layer": size.decoder_layers,
    }
    return state | {f"dims.{name}": np.array(value) for name, value in sizes.items()}
