"""Real weights in another order of tokens: they give what they give as they are."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surtitle.audio import RATE
from surtitle.demo import SAMPLE
from surtitle.speech.whisper import model_file
from surtitle.speech.whisper.features import LogMel
from surtitle.speech.whisper.model import GeneratedText, Prompt, WhisperModel, load_faster_whisper
from surtitle.speech.whisper.model_file import read_vocabulary, write_reordered
from surtitle.speech.whisper.token_order import TokenOrder
from tests.support import load
from tests.untrained import untrained_whisper

Models = tuple[WhisperModel, WhisperModel]


@pytest.fixture(scope="module", params=["whisper_base", "whisper_tiny"])
def models(request: pytest.FixtureRequest) -> Models:
    """The same weights as they are, and in the faster order."""
    directory: Path = request.getfixturevalue(request.param)
    plain = WhisperModel(load_faster_whisper(directory, "cpu", 1, 1))
    fast = WhisperModel.load(directory, 1, 1)
    assert fast.prefixes_are_cheap
    assert not plain.prefixes_are_cheap
    return plain, fast


def features(model: WhisperModel) -> Any:
    """Nine seconds of the demo and some silence, of shape (1, mels, frames)."""
    mel = LogMel(model.mels)
    mel.feed(load(SAMPLE)[: 9 * RATE])
    found = mel.features()
    return np.ascontiguousarray(np.pad(found, ((0, 0), (0, 1100 - found.shape[1])))[None])


def encoded(model: WhisperModel) -> Any:
    return model.encode(features(model))


def start(model: WhisperModel) -> tuple[int, ...]:
    names = ["<|startoftranscript|>", *(["<|en|>", "<|transcribe|>"] if model.multilingual else [])]
    return tuple(model.tokenizer.token_to_id(name) for name in names)


def text(
    model: WhisperModel, prefix: list[int], *, context: str = "", beams: int = 1, sound: Any = None
) -> GeneratedText:
    ids = model.tokenizer.encode(context, add_special_tokens=False).ids if context else []
    before = (model.tokenizer.token_to_id("<|startofprev|>"), *ids) if ids else ()
    (result,) = model.generate(
        encoded(model) if sound is None else sound,
        [Prompt((*before, *start(model)), tuple(prefix))],
        max_tokens=60,
        beams=beams,
        allow_blank=True,
    )
    return result


@pytest.mark.parametrize("first", [0, 1, 2, 3], ids=lambda first: f"from-{first}")
def test_the_text_after_any_prefix_is_the_same(models: Models, first: int) -> None:
    """Each case takes every fourth prefix, and together they take all: with or without context, one beam or five."""
    context = " He had been asked about the weather." if first in (1, 2) else ""
    beams = 5 if first % 2 else 1
    whole = text(models[0], [], context=context).tokens
    assert len(whole) > 10
    sounds = [encoded(model) for model in models]
    for count in range(first, len(whole), 4):
        expected, found = (
            text(model, whole[:count], context=context, beams=beams, sound=sound)
            for model, sound in zip(models, sounds, strict=True)
        )
        assert found.tokens == expected.tokens
        assert found.tokens[:count] == whole[:count]
        assert found.no_speech == pytest.approx(expected.no_speech, abs=0.03)  # some timestamps are missing


def test_windows_with_different_prefixes_are_decoded_together(models: Models) -> None:
    plain, fast = models
    whole = text(plain, []).tokens
    prompts = [Prompt(start(fast), tuple(whole[:count])) for count in (3, 0, 8, len(whole))]
    sound = fast.encode(np.repeat(features(fast), 4, axis=0))
    for result in fast.generate(sound, prompts, max_tokens=60, allow_blank=True):
        assert result.tokens == whole


def test_words_are_aligned_in_the_same_way(models: Models) -> None:
    whole = text(models[0], []).tokens
    (expected,), (found,) = (model.align(encoded(model), start(model), [whole], [900]) for model in models)
    assert found.alignments == expected.alignments
    assert np.allclose(found.text_token_probs, expected.text_token_probs, atol=0.01)


def test_languages_are_detected_in_the_same_way(models: Models) -> None:
    (expected, probability), (found, other) = (model.detect_language(encoded(model)) for model in models)
    assert found == expected
    assert other == pytest.approx(probability, abs=0.01)


def test_suppressed_tokens_are_not_generated(models: Models) -> None:
    _, fast = models
    first = text(fast, []).tokens[0]
    (result,) = fast.generate(encoded(fast), [Prompt(start(fast))], max_tokens=10, suppressed=[-1, first])
    assert first not in result.tokens


def test_a_model_of_another_structure_is_loaded_unchanged(tmp_path: Path) -> None:
    directory = untrained_whisper()
    with pytest.raises(ValueError, match="decoder/projection/bias"):
        write_reordered(directory, TokenOrder.from_vocabulary(read_vocabulary(directory)), tmp_path)
    assert not WhisperModel.load(directory, 1, 1).prefixes_are_cheap


def test_a_large_model_is_loaded_unchanged(whisper_tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.speech.whisper.model.MAX_BYTES", 1000)
    assert not WhisperModel.load(whisper_tiny, 1, 1).prefixes_are_cheap


def test_a_newer_file_format_is_not_guessed(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, whisper_tiny: Path
) -> None:
    for file in whisper_tiny.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    data = (tmp_path / "model.bin").read_bytes()
    (tmp_path / "model.bin").write_bytes(struct.pack("<I", model_file._VERSION + 1) + data[4:])
    with pytest.raises(ValueError, match="not known"):
        write_reordered(
            tmp_path, TokenOrder.from_vocabulary(read_vocabulary(tmp_path)), tmp_path_factory.mktemp("other")
        )


def test_a_model_is_loaded_unchanged_when_the_disk_is_full(whisper_tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("surtitle.speech.whisper.model.write_reordered", full)
    assert not WhisperModel.load(whisper_tiny, 1, 1).prefixes_are_cheap
