"""whisper.cpp with real weights, which are converted from those of CTranslate2."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surtitle.audio import Samples
from surtitle.core.errors import EngineError, ModelError
from surtitle.demo import SAMPLE
from surtitle.speech.kinds import find_model
from surtitle.speech.whisper.engine import WhisperEngine
from surtitle.speech.whisper.features import LogMel
from surtitle.speech.whisper.pieces import DecodedWindow, Window
from surtitle.speech.whisper_cpp.convert import convert
from surtitle.speech.whisper_cpp.engine import WhisperCppEngine
from surtitle.text.languages import AUTO
from tests.speech.whisper_cpp.weights import need_whisper_cpp
from tests.support import load, silence

PERSON = Path(__file__).parents[4] / "shared" / "audio" / "jfk.flac"
"""A person who speaks English for 11 s, where somebody has put it beside the checkout."""


@pytest.fixture(scope="module")
def ggml(whisper_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_whisper_cpp()
    file = tmp_path_factory.mktemp("ggml") / "ggml-tiny.en.bin"
    convert(whisper_tiny, file)
    return file


@pytest.fixture(scope="module")
def engine(ggml: Path) -> Iterator[WhisperCppEngine]:
    engine = WhisperCppEngine(ggml, f"whisper.cpp:{ggml}")
    yield engine
    engine.close()


def window(samples: Samples, language: str = "en", prefix: tuple[int, ...] = ()) -> Window:
    mel = LogMel(80)
    mel.feed(samples)
    return Window(mel.features(), language, (), prefix)


def text(decoded: DecodedWindow) -> list[str]:
    return [piece.word.key for piece in decoded.pieces]


def check_same(ours: DecodedWindow, theirs: DecodedWindow) -> None:
    assert len(text(ours)) > 10
    assert text(ours) == text(theirs)
    for one, other in zip(ours.pieces, theirs.pieces, strict=True):
        assert abs(one.word.start - other.word.start) < 0.6
        assert abs(one.word.probability - other.word.probability) < 0.25
    assert abs(ours.no_speech - theirs.no_speech) < 0.1


def test_the_same_weights_give_the_same_words(engine: WhisperCppEngine, whisper_tiny: Path) -> None:
    one = window(load(PERSON if PERSON.exists() else SAMPLE)[: 10 * 16_000])
    with closing(WhisperEngine(whisper_tiny, "tiny.en")) as other:
        check_same(engine._decoder.decode(one), other._decoder.decode(one))


def test_a_multilingual_model_detects_the_language(whisper_base: Path, tmp_path: Path) -> None:
    need_whisper_cpp()
    convert(whisper_base, tmp_path / "ggml-base.bin", quantize=True)
    one = window(load(PERSON if PERSON.exists() else SAMPLE)[: 10 * 16_000], AUTO)
    with (
        closing(WhisperCppEngine(tmp_path / "ggml-base.bin", "whisper.cpp:base")) as ours,
        closing(WhisperEngine(whisper_base, "base")) as theirs,
    ):
        assert ours.languages == theirs.languages
        found = ours._decoder.decode(one)
        check_same(found, theirs._decoder.decode(one))
        assert found.language == "en"
        assert found.language_probability > 0.8


def test_known_words_are_not_decoded_again(engine: WhisperCppEngine) -> None:
    samples = load(SAMPLE)[: 6 * 16_000]
    whole = engine._decoder.decode(window(samples))
    known = whole.pieces[:6]
    prefix = tuple(token for piece in known for token in piece.tokens)
    rest = engine._decoder.decode(window(samples, prefix=prefix))
    assert text(rest) == text(whole)[6:]
    assert [piece.tokens for piece in rest.pieces] == [piece.tokens for piece in whole.pieces[6:]]


def test_a_moment_of_sound_and_silence_give_no_words(engine: WhisperCppEngine) -> None:
    for seconds in (0.03, 1.0):
        assert not text(engine._decoder.decode(window(silence(seconds) + 1e-4)))


def test_several_threads_decode_at_once(engine: WhisperCppEngine) -> None:
    one = window(load(SAMPLE)[: 4 * 16_000])
    results: list[DecodedWindow] = []
    threads = [threading.Thread(target=lambda: results.append(engine._decoder.decode(one))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(results) == 3
    assert all(text(result) == text(results[0]) for result in results)


def test_a_closed_engine_says_so(ggml: Path) -> None:
    engine = WhisperCppEngine(ggml, "whisper.cpp:base")
    loaded: Any = engine._model
    with loaded._state():
        engine.close()
        assert loaded._context  # it is in use
    assert not loaded._context
    with pytest.raises(EngineError, match="was unloaded"):
        engine._decoder.decode(window(np.zeros(16_000, dtype=np.float32)))


def test_a_file_that_is_no_model_is_reported(tmp_path: Path, ggml: Path) -> None:
    for name, data, reason in (
        ("ggml-short.bin", b"lmgg", "Cannot read the model"),
        ("ggml-other.bin", bytes(100), "not a model for whisper.cpp"),
        ("ggml-cut.bin", ggml.read_bytes()[:2_000_000], "damaged or incomplete"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelError, match=reason):
            find_model(f"whisper.cpp:{tmp_path / name}").load(tmp_path / name)
    with pytest.raises(ModelError, match="has 3 files"):
        find_model(f"whisper.cpp:{tmp_path}").load(tmp_path)
