"""Whisper's own translation, with real weights."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest

from surtitle.audio import RATE
from surtitle.demo import SAMPLE
from surtitle.speech.whisper.engine import WhisperEngine
from surtitle.speech.whisper.features import Frames
from surtitle.speech.whisper.to_english import MAX_SECONDS, EnglishText, SpeechToEnglish
from tests.support import error_rate, load, silence


@pytest.fixture(scope="module")
def engine(whisper_base: Path) -> Iterator[WhisperEngine]:
    engine = WhisperEngine(whisper_base, "base")
    yield engine
    engine.close()


def last(steps: Iterator[str | None]) -> str:
    """The text, after whatever steps it takes."""
    *before, text = steps
    assert before
    assert set(before) == {None}
    assert text is not None
    return text


@pytest.mark.parametrize("language", ["en", "auto"])
def test_speech_becomes_english(engine: WhisperEngine, language: str) -> None:
    """English to English, because a translation has no right words to compare."""
    assert engine.translates
    said = load(SAMPLE)[: 12 * RATE]
    truth = " ".join(SAMPLE.with_suffix(".txt").read_text().split("\n")[:3])
    text = last(engine.translate(said, language))
    words = len(text.split())
    assert words > 12
    assert error_rate(" ".join(truth.replace("rms: ", "").split()[:words]), text) < 0.2


def test_long_speech_is_cut_and_silence_is_not_an_error(engine: WhisperEngine) -> None:
    assert last(engine.translate(np.tile(load(SAMPLE), 2)[: int((MAX_SECONDS + 10) * RATE)], "en"))
    last(engine.translate(silence(2.0), "de"))
    last(engine.translate(silence(0.01), "de"))


def test_languages_without_a_token_are_not_listed(engine: WhisperEngine) -> None:
    assert {"en", "de", "no", "zh"} <= engine.languages
    assert "yue" not in engine.languages


class _Scripted:
    """Returns the scripted result for each number of frames."""

    mels = 80

    def __init__(self, script: dict[int, EnglishText]) -> None:
        self.script = script
        self.lengths: list[int] = []

    def translate(
        self, features: Frames, frames: int, language: str, max_tokens: int
    ) -> Generator[None, None, EnglishText]:
        yield
        self.lengths.append(frames)
        return self.script[frames]


@pytest.mark.parametrize("poor", [EnglishText("the", -5.0, 0.1), EnglishText("and so on " * 9, -0.3, 0.1)])
def test_a_poor_translation_is_repeated_with_the_full_context(poor: EnglishText) -> None:
    translator = _Scripted({1500: poor, 3000: EnglishText("The whole sentence.", -0.4, 0.1)})
    assert last(SpeechToEnglish(translator).steps(silence(5.0), "fr")) == "The whole sentence."
    assert translator.lengths == [1500, 3000]


def test_a_good_translation_only_needs_the_short_context() -> None:
    translator = _Scripted({1500: EnglishText("Fine.", -0.4, 0.1), 2101: EnglishText("Long.", -0.4, 0.1)})
    assert last(SpeechToEnglish(translator).steps(silence(5.0), "fr")) == "Fine."
    assert last(SpeechToEnglish(translator).steps(silence(20.0), "fr")) == "Long."
    assert translator.lengths == [1500, 2101]
