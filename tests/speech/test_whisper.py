"""The real faster-whisper on the small model that the project trains itself (tests/models/whisper)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from service.audio import RATE
from service.errors import ModelError
from service.speech.whisper import WhisperEngine
from service.speech.words import join
from tests.support import blocks, error_rate, publish, running, silence, speech

MODEL = Path(__file__).parents[1] / "models" / "whisper" / "model"

SENTENCES = [
    "She has worked in the same office for eleven years.",
    "The train was late because of the heavy snow.",
    "He opened the door and walked into the room.",
    "They are going to build a new house near the river.",
]


@pytest.fixture(scope="module")
def engine() -> WhisperEngine:
    return WhisperEngine(MODEL, "test")


def test_it_streams_and_commits_only_at_the_end_of_what_it_committed(engine: WhisperEngine) -> None:
    stream = engine.open("en")
    heard: list[str] = []
    committed: list[str] = []
    for sentence in SENTENCES:
        for block in blocks(speech(sentence), RATE // 10):
            hypothesis = stream.accept(block)
            if hypothesis is None:
                continue
            words = [word.text for word in hypothesis.committed]
            assert words[: len(committed)] == committed
            committed = words
        final = stream.finish()
        assert [word.text for word in final.committed][: len(committed)] == committed
        committed = []
        heard.append(join(final.committed))
        times = [word.start for word in final.committed]
        assert times == sorted(times)
        assert all(0 <= word.start <= word.end <= len(speech(sentence)) / RATE for word in final.committed)
    # a test model of four megabytes: wrong now and then, but it hears words
    assert error_rate(" ".join(SENTENCES), " ".join(heard)) < 0.3


def test_a_language_that_the_model_does_not_know_is_left_to_it(engine: WhisperEngine) -> None:
    assert engine.open("tlh").language == "auto"
    assert engine.open("en").language == "en"


def test_nothing_is_made_of_nothing(engine: WhisperEngine) -> None:
    stream = engine.open("en")
    assert stream.finish().committed == ()
    stream.close()


def test_a_directory_that_holds_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot be loaded"):
        WhisperEngine(tmp_path, "broken")


async def test_the_service_runs_on_a_model_directory() -> None:
    async with running(engine="whisper", model=str(MODEL), language="en") as service:
        said, other = await asyncio.gather(
            publish(service, speech(SENTENCES[0]), channel="one"),
            publish(service, speech(SENTENCES[1], "slt"), channel="two"),
        )
        quiet = await publish(service, silence(20), channel="quiet")
    assert said.of("ready")[0]["engine"] == "whisper"
    assert said.of("ready")[0]["language"] == "en"
    assert said.of("status") == []
    assert error_rate(SENTENCES[0], said.text) < 0.4
    assert other.text
    assert quiet.messages[1:] == [{"type": "end"}]
