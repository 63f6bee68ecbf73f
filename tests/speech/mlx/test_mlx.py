"""The real mlx-whisper with real weights, on Linux's processor: it has not been run on Apple silicon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from surtitle.core.errors import EngineError, ModelError
from surtitle.demo import SAMPLE
from surtitle.speech.kinds import find_model
from surtitle.speech.mlx.engine import MlxEngine
from surtitle.speech.whisper.engine import WhisperEngine
from tests.speech.mlx.weights import convert
from tests.speech.whisper_cpp.test_engine import PERSON, text, window
from tests.support import load
from tests.weights import required_weights

pytestmark = [pytest.mark.torch, pytest.mark.slow]  # mlx-whisper depends on torch


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlxEngine]:
    """The encoder takes ten seconds on a processor, so what it computed of a window is used again."""
    pytest.importorskip("mlx_whisper", reason="mlx-whisper is not installed")
    folder = convert(required_weights("tiny.en"), tmp_path_factory.mktemp("mlx"))
    model = find_model(f"mlx:{folder}")
    model.check()
    engine: Any = model.load(model.on_disk())
    encoded, encode = dict[bytes, Any](), engine._model._encode

    def encode_once(features: Any) -> Any:
        key = features.tobytes()
        if key not in encoded:
            encoded[key] = encode(features)
        return encoded[key]

    engine._model._encode = encode_once
    with patch("surtitle.speech.mlx.model._TIMEOUT", 600.0):  # a processor needs more than a GPU, a busy one much more
        yield engine
    engine.close()


def test_the_same_weights_give_the_same_words(engine: MlxEngine) -> None:
    one = window(load(PERSON if PERSON.exists() else SAMPLE)[: 10 * 16_000])
    ours = engine._decoder.decode(one)
    with closing(WhisperEngine(required_weights("tiny.en"), "tiny.en")) as other:
        theirs = other._decoder.decode(one)
    assert len(text(ours)) > 10
    assert text(ours) == text(theirs)
    for mine, other_piece in zip(ours.pieces, theirs.pieces, strict=True):
        assert abs(mine.word.start - other_piece.word.start) < 0.6


def test_a_text_continues_after_its_prefix(engine: MlxEngine) -> None:
    samples = load(PERSON if PERSON.exists() else SAMPLE)[: 10 * 16_000]
    whole = engine._decoder.decode(window(samples))
    for count in (1, 3):
        prefix = tuple(token for piece in whole.pieces[:count] for token in piece.tokens)
        rest = engine._decoder.decode(window(samples, prefix=prefix))
        assert text(rest)[:3] == text(whole)[count : count + 3]


def test_a_failure_of_the_library_is_reported(engine: MlxEngine) -> None:
    loaded: Any = engine._model
    with (
        patch.object(loaded._decoding, "decode", side_effect=RuntimeError("out of memory")),
        pytest.raises(EngineError, match="MLX failed to decode these words"),
    ):
        engine._decoder.decode(window(load(SAMPLE)[:16_000]))


def test_speech_is_translated(engine: MlxEngine) -> None:
    """Without right words: the model knows English only, of which its translation repeats the words."""
    assert not engine.translates
    *_, text = engine.translate(load(SAMPLE)[: 4 * 16_000], "en")
    assert text


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    pytest.importorskip("mlx_whisper", reason="mlx-whisper is not installed")
    (tmp_path / "config.json").write_text(json.dumps({"n_mels": 80}))
    (tmp_path / "weights.npz").write_bytes(b"no weights")
    return tmp_path


def test_a_folder_that_is_no_model_is_reported(directory: Path) -> None:
    with pytest.raises(ModelError, match="it must be a Whisper model converted for MLX"):
        MlxEngine(directory, "mlx:x")
