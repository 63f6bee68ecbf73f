"""Sounds without a word, through the real pipeline with real weights: no caption, and what is said next is whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import hostile
from surtitle.speech.whisper.engine import WhisperEngine
from tests.support import error_rate

SECONDS = 20.0
SAID = "Good evening and welcome to the show"


@pytest.fixture(scope="module")
def engine(whisper_tiny: Path) -> Iterator[WhisperEngine]:
    engine = WhisperEngine(whisper_tiny, "tiny.en")
    yield engine
    engine.close()


@pytest.mark.parametrize("sound", ["silence", "pink noise", "typing", "applause", "crowd", "phone", "band", "coughs"])
def test_nothing_is_invented_and_the_next_sentence_is_whole(engine: WhisperEngine, sound: str) -> None:
    outcome = hostile.run(sound, SECONDS, hostile.demo_sentence(), engine.open("en"), "tiny.en")
    assert outcome.captions == []
    assert error_rate(SAID, outcome.heard) == 0
    assert outcome.delay is not None
    assert outcome.delay < 4  # rather 1 or 2, but a busy machine recognizes less often
