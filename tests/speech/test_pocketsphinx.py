from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from surtitle.audio import RATE
from surtitle.core.errors import EngineError
from surtitle.core.words import join
from surtitle.speech.plain_text import add_period
from surtitle.speech.pocketsphinx.engine import PocketsphinxEngine, PocketsphinxStream, _read_words
from tests.support import blocks, error_rate, silence, speech

TEXT = "The old clock on the wall has not worked for many years."


@pytest.fixture
def engine() -> Iterator[PocketsphinxEngine]:
    engine = PocketsphinxEngine()
    yield engine
    engine.close()


@pytest.fixture
def stream(engine: PocketsphinxEngine) -> Iterator[PocketsphinxStream]:
    stream = engine.open("en")
    yield stream
    stream.close()


def test_it_streams(stream: PocketsphinxStream) -> None:
    stream.accept(speech("Good morning."), 0.0)
    stream.finish()  # the first utterance is held back longer
    seen = 0
    committed: list[str] = []
    for block in blocks(speech(TEXT), RATE // 10):
        hypothesis = stream.accept(block, 0.0)
        assert hypothesis is not None
        seen += bool(hypothesis.tentative)
        words = [word.text for word in hypothesis.committed]
        assert words[: len(committed)] == committed
        committed = words
    assert seen > 10
    assert committed
    final = stream.finish()
    assert error_rate(TEXT, join(final.committed)) < 0.2
    assert final.committed[-1].end < len(speech(TEXT)) / RATE


def test_a_very_short_utterance_is_recognized(stream: PocketsphinxStream) -> None:
    stream.accept(speech("Hello.")[: int(1.2 * RATE)], 0.0)
    assert "ello" in join(stream.finish().committed)


def test_no_audio_gives_no_words(stream: PocketsphinxStream) -> None:
    assert stream.finish().committed == ()


def test_a_worker_that_dies_is_replaced_and_the_committed_words_stay(
    stream: PocketsphinxStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surtitle.speech.pocketsphinx.engine._RETRY_INTERVAL", 0.0)
    samples = speech(TEXT)
    before = stream.accept(samples, 0.0)
    assert before is not None
    assert stream._worker is not None
    stream._worker._process.kill()
    stream._worker._process.wait()
    with pytest.raises(EngineError, match="process ended"):
        stream.accept(silence(0.1), 0.0)
    assert stream.finish().committed == before.committed
    stream.accept(samples, 0.0)
    assert error_rate(TEXT, join(stream.finish().committed)) < 0.2


def test_a_worker_serves_the_next_source_as_if_it_were_new(engine: PocketsphinxEngine) -> None:
    texts = []
    for _ in range(2):
        stream = engine.open("en")
        stream.accept(speech(TEXT), 0.0)
        texts.append(join(stream.finish().committed))
        stream.accept(np.random.default_rng(1).uniform(-0.5, 0.5, 3 * RATE).astype(np.float32), 0.0)
        stream.close()
    assert texts[0] == texts[1]
    assert len(engine._spares) == 1


def test_words_get_capitals_and_a_period() -> None:
    segments = [("then", 0.0, 0.2, 0.5), ("i", 0.2, 0.3, 1.5), ("ran", 0.3, 0.5, -0.1)]
    assert join(add_period(_read_words(segments))) == "Then I ran."
    assert [word.probability for word in _read_words(segments)] == [0.5, 1.0, 0.0]
