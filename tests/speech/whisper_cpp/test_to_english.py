"""Translation by whisper.cpp, with real weights, which are converted from those of CTranslate2."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from surtitle.audio import RATE
from surtitle.demo import SAMPLE
from surtitle.speech.engine import SpeechTranslator
from surtitle.speech.whisper.engine import WhisperEngine
from surtitle.speech.whisper_cpp.convert import convert
from surtitle.speech.whisper_cpp.engine import WhisperCppEngine
from tests.speech.whisper_cpp.weights import need_whisper_cpp
from tests.support import error_rate, load


def test_speech_becomes_english(whisper_base: Path, tmp_path: Path) -> None:
    """As with CTranslate2: English to English, because a translation has no right words to compare."""
    need_whisper_cpp()
    file = tmp_path / "ggml-base.bin"
    convert(whisper_base, file)
    said = load(SAMPLE)[: 6 * RATE]
    with closing(WhisperEngine(whisper_base, "base")) as other:
        *_, expected = other.translate(said, "en")
    with closing(WhisperCppEngine(file, f"whisper.cpp:{file}")) as engine:
        assert isinstance(engine, SpeechTranslator)
        assert engine.translates
        *_, text = engine.translate(said, "auto")
        assert error_rate(expected or "", text or "") < 0.2


def test_a_model_for_english_does_not_translate(whisper_tiny: Path, tmp_path: Path) -> None:
    need_whisper_cpp()
    file = tmp_path / "ggml-tiny.en.bin"
    convert(whisper_tiny, file)
    with closing(WhisperCppEngine(file, f"whisper.cpp:{file}")) as engine:
        assert not engine.translates
