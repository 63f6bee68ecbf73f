"""A Whisper that was never trained: small files in the right format, where a test needs a model but no words."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

_WIDTH, _HEADS, _LAYERS = 192, 3, 2
_MELS, _FRAMES, _POSITIONS = 80, 1500, 448
_LANGUAGES = ("en", "de", "es", "fr")
_BEFORE_LANGUAGES = ("<|endoftext|>", "<|startoftranscript|>")
_AFTER_LANGUAGES = (
    "<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"
)  # fmt: skip
_SILENT = 50.0  # by which the end of the text is likelier than anything else


@cache
def untrained_whisper() -> Path:
    """A directory that faster-whisper loads in a moment; whatever it hears, it writes nothing. Not to be changed."""
    folder = Path(tempfile.mkdtemp(prefix="untrained-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    tokens = [*_letters(), "", *_specials(), *(f"<|{0.02 * number:.2f}|>" for number in range(_FRAMES + 1))]
    _save_weights(folder, tokens)
    (folder / "tokenizer.json").write_text(_tokenizer(tokens), encoding="utf-8")
    features = {"chunk_length": 30, "feature_size": _MELS, "hop_length": 160, "n_fft": 400, "sampling_rate": 16000}
    (folder / "preprocessor_config.json").write_text(json.dumps(features))
    return folder


def _letters() -> list[str]:
    """A token for every byte, and what faster-whisper looks up: a space before some marks is one token."""
    return [*sorted(pre_tokenizers.ByteLevel.alphabet()), "Ġ-", "Ġ'"]


def _specials() -> list[str]:
    return [*_BEFORE_LANGUAGES, *(f"<|{code}|>" for code in _LANGUAGES), *_AFTER_LANGUAGES]


def _tokenizer(tokens: list[str]) -> str:
    letters = _letters()
    bpe = Tokenizer(models.BPE({token: number for number, token in enumerate(letters)}, [("Ġ", "-"), ("Ġ", "'")]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    content = json.loads(bpe.to_str())
    added = range(len(letters) + 1, len(tokens))
    last_special = len(letters) + len(_specials())
    content["added_tokens"] = [
        {"id": number, "content": tokens[number], "special": number <= last_special}
        | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        for number in added
    ]
    content["model"]["vocab"].update({tokens[number]: number for number in added})
    return json.dumps(content, ensure_ascii=False)


def _save_weights(folder: Path, tokens: list[str]) -> None:
    from ctranslate2.specs import WhisperSpec

    spec: Any = WhisperSpec(_LAYERS, _HEADS, _LAYERS, _HEADS)
    random = np.random.default_rng(1)

    def numbers(*shape: int) -> npt.NDArray[np.float32]:
        return random.standard_normal(shape, dtype=np.float32) / np.float32(np.sqrt(shape[-1]))

    def linear(target: Any, *shape: int) -> None:
        target.weight, target.bias = numbers(*shape), np.zeros(shape[0], np.float32)

    def norm(target: Any) -> None:
        target.gamma, target.beta = np.ones(_WIDTH, np.float32), np.zeros(_WIDTH, np.float32)

    encoder, decoder = spec.encoder, spec.decoder
    linear(encoder.conv1, _WIDTH, _MELS, 3)
    linear(encoder.conv2, _WIDTH, _WIDTH, 3)
    encoder.position_encodings.encodings = numbers(_FRAMES, _WIDTH)
    decoder.position_encodings.encodings = numbers(_POSITIONS, _WIDTH)
    decoder.embeddings.weight = numbers(len(tokens), _WIDTH)
    linear(decoder.projection, len(tokens), _WIDTH)
    decoder.projection.bias[tokens.index("<|endoftext|>")] = _SILENT
    for part in (encoder, decoder):
        norm(part.layer_norm)
        for layer in part.layer:
            norm(layer.self_attention.layer_norm)
            linear(layer.self_attention.linear[0], 3 * _WIDTH, _WIDTH)
            linear(layer.self_attention.linear[1], _WIDTH, _WIDTH)
            norm(layer.ffn.layer_norm)
            linear(layer.ffn.linear_0, 4 * _WIDTH, _WIDTH)
            linear(layer.ffn.linear_1, _WIDTH, 4 * _WIDTH)
    for layer in decoder.layer:
        norm(layer.attention.layer_norm)
        linear(layer.attention.linear[0], _WIDTH, _WIDTH)
        linear(layer.attention.linear[1], 2 * _WIDTH, _WIDTH)
        linear(layer.attention.linear[2], _WIDTH, _WIDTH)
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [tokens.index("<|endoftext|>")]
    spec.config.lang_ids = [tokens.index(f"<|{code}|>") for code in _LANGUAGES]
    spec.config.alignment_heads = [[1, 0], [1, 2]]
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
