"""Live recognition by the real faster-whisper with real weights."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.core.errors import ModelError
from surtitle.core.words import Hypothesis, Word, join
from surtitle.demo import SAMPLE
from surtitle.speech.engine import Hints
from surtitle.speech.recognizer import Recognizer, Update
from surtitle.speech.vad import CHUNK, SileroVad
from surtitle.speech.whisper.engine import WhisperEngine
from surtitle.speech.whisper.features import LogMel
from surtitle.speech.whisper.pieces import Window
from tests.support import VOICES, blocks, error_rate, load, publish, running, silence, speech

TWO_LANGUAGES = Path(__file__).parents[3] / "shared" / "audio" / "multilingual.mp3"
"""A person who reads English for 30 s and then German, where somebody has put it beside the checkout."""

SENTENCES = [
    "She has worked in the same office for eleven years.",
    "The train was late because of the heavy snow.",
    "He opened the door and walked into the room.",
    "They are going to build a new house near the river.",
]


@pytest.fixture(scope="module", params=["align-att", "local-agreement"])
def engine(request: pytest.FixtureRequest, whisper_tiny: Path) -> Iterator[WhisperEngine]:
    engine = WhisperEngine(whisper_tiny, "tiny.en", policy=request.param)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def multilingual(whisper_base: Path) -> Iterator[WhisperEngine]:
    engine = WhisperEngine(whisper_base, "base")
    yield engine
    engine.close()


def recognize(engine: WhisperEngine, samples: Samples, *, language: str = "en", hints: Hints = Hints()) -> list[Update]:
    """All that is said of ``samples``; committed words never change on the way."""
    recognizer = Recognizer(engine.open(language, hints), SileroVad())
    updates: list[Update] = []
    committed: tuple[Word, ...] = ()
    for block in blocks(samples, RATE // 10):
        for update in recognizer.feed(block):
            assert update.hypothesis.committed[: len(committed)] == committed
            committed = () if update.endpoint else update.hypothesis.committed
            updates.append(update)
    updates += recognizer.flush()
    assert recognizer.failure is None
    recognizer.close()
    return updates


def words(updates: Sequence[Update]) -> list[Word]:
    return [word for update in updates if update.endpoint for word in update.hypothesis.committed]


@pytest.mark.parametrize("voice", VOICES)
def test_it_streams(engine: WhisperEngine, voice: str) -> None:
    samples = np.concatenate([speech(sentence, voice) for sentence in SENTENCES])
    updates = recognize(engine, samples)
    heard = words(updates)
    assert error_rate(" ".join(SENTENCES), join(heard)) < 0.25
    assert [word.start for word in heard] == sorted(word.start for word in heard)
    assert all(0 <= word.start <= word.end <= len(samples) / RATE for word in heard)
    early = [update for update in updates if not update.endpoint and update.hypothesis.committed]
    assert len(early) > 8  # most words are committed long before their utterance is over


def test_speech_without_pauses_slides_through_the_window(engine: WhisperEngine) -> None:
    quick = [speech(sentence)[int(0.45 * RATE) : -int(0.95 * RATE)] for sentence in SENTENCES * 2]
    heard = words(recognize(engine, np.concatenate([silence(0.5), *quick, silence(1.0)])))
    assert error_rate(" ".join(SENTENCES * 2), join(heard)) < 0.35


def test_what_is_said_after_a_long_repetition_is_heard(engine: WhisperEngine) -> None:
    samples = speech(f"{', '.join(['Bye bye'] * 6)}. And now the weather for tomorrow.")
    assert join(words(recognize(engine, samples))).lower().rstrip(".").endswith("weather for tomorrow")


def test_what_is_said_after_words_that_whisper_loops_on_is_heard(engine: WhisperEngine) -> None:
    samples = speech(f"{', '.join(['Row, row, row your boat'] * 5)}. Gently down the stream.")
    assert "stream" in join(words(recognize(engine, samples))).lower()


def test_a_window_without_sound_has_no_words(engine: WhisperEngine) -> None:
    assert engine.decoder.decode(Window(np.empty((80, 0), dtype=np.float32), "en")).pieces == ()


def test_a_language_is_detected_within_three_seconds_of_voice(multilingual: WhisperEngine) -> None:
    recognizer = Recognizer(multilingual.open("auto"), SileroVad())
    assert recognizer.language == "auto"
    begins = 0.0
    for number, block in enumerate(blocks(load(SAMPLE)[: 8 * RATE], RATE // 10)):
        recognizer.feed(block)
        if not begins and recognizer.speaking:
            begins = number / 10
        if recognizer.language != "auto":
            break
    assert recognizer.language == "en"
    assert number / 10 - begins <= 3.5  # the pauses between words count, too


def test_an_unsupported_language_is_detected_instead(multilingual: WhisperEngine) -> None:
    assert multilingual.open("tlh").language == "auto"
    assert multilingual.open("fr").language == "fr"


def test_words_at_the_very_start_of_a_window_are_as_probable_as_others(multilingual: WhisperEngine) -> None:
    """An improbable word counts as invented, so speech without a pause before it would be lost."""
    decoder = multilingual.open("en")._decoder
    samples = load(SAMPLE)
    vad = SileroVad()
    first = next(index for index, chunk in enumerate(blocks(samples, CHUNK)) if vad.probability(chunk) > 0.5)
    mel = LogMel(decoder.mels)
    mel.feed(samples[first * CHUNK :][: int(2.5 * RATE)])
    pieces = decoder.decode(Window(mel.features(), "en", (), ())).pieces
    assert join(piece.word for piece in pieces).startswith("Good evening")
    assert np.mean([piece.word.probability for piece in pieces]) > 0.75


def test_a_change_of_language_is_followed(multilingual: WhisperEngine) -> None:
    if not TWO_LANGUAGES.exists():
        pytest.skip(f"there is no {TWO_LANGUAGES}")
    recognizer = Recognizer(multilingual.open("auto"), SileroVad())
    changes: list[tuple[str, float]] = []
    german: list[Word] = []
    for number, block in enumerate(blocks(load(TWO_LANGUAGES)[15 * RATE : 45 * RATE], RATE // 10)):
        updates = recognizer.feed(block)
        if recognizer.language not in ("auto", *(language for language, _ in changes)):
            changes.append((recognizer.language, number / 10))
        if recognizer.language == "de" and updates:
            german = list(updates[-1].hypothesis.committed)
    (_, english), (_, changed) = changes
    assert [language for language, _ in changes] == ["en", "de"]
    assert english < 5
    assert 15 < changed < 22  # the German begins at about 15.5 s
    assert {"und", "oder"} & {word.key for word in german}


def test_hints_precede_the_transcript(engine: WhisperEngine) -> None:
    hints = Hints(prompt="We talk about houses.", hotwords=("river", "snow"))
    heard = words(recognize(engine, speech(SENTENCES[0]), hints=hints))
    assert heard


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"no model")
    with pytest.raises(ModelError, match="Cannot load the model"):
        WhisperEngine(tmp_path, "broken")


def _noises() -> dict[str, Samples]:
    seconds = 20
    times = np.arange(seconds * RATE) / RATE
    noise = np.random.default_rng(1).standard_normal(len(times))
    breath = np.convolve(noise, np.hanning(40) / 20, "same") * np.maximum(0, np.sin(2 * np.pi * times / 4)) ** 4
    notes = [220 * 2 ** (step / 12) for step in (0, 4, 7, 12, 7, 4)]
    pitch = np.repeat(np.resize(notes, seconds * 4), RATE // 4)
    phase = np.cumsum(2 * np.pi * pitch / RATE)
    music = sum(np.sin(phase * overtone) / overtone for overtone in range(1, 6)) * np.resize(
        np.linspace(1, 0.1, RATE // 4), len(times)
    )
    return {
        "silence": 0 * times,
        "hum": 0.2 * np.sin(2 * np.pi * 50 * times) + 0.1 * np.sin(2 * np.pi * 150 * times),
        "hiss": 0.05 * noise,
        "breath": 0.1 * breath,
        "music": 0.2 * music,
        "clicks": np.where(np.arange(len(times)) % 7000 < 20, 0.8, 0.0),
    }


@pytest.mark.parametrize("kind", sorted(_noises()))
def test_no_speech_gives_no_words(engine: WhisperEngine, kind: str) -> None:
    updates = recognize(engine, _noises()[kind].astype(np.float32))
    assert [update for update in updates if update.hypothesis != Hypothesis()] == []


def test_the_first_word_after_a_long_pause_appears_as_early_as_the_very_first(engine: WhisperEngine) -> None:
    said = speech(SENTENCES[0])
    recognizer = Recognizer(engine.open("en"), SileroVad())

    def first_word_after() -> float:
        """Seconds of audio until a word is shown."""
        heard = 0.0
        for block in blocks(said, RATE // 10):
            heard += len(block) / RATE
            if any(update.hypothesis.committed or update.hypothesis.tentative for update in recognizer.feed(block)):
                break
        recognizer.flush()
        return heard

    first = first_word_after()
    for block in blocks(silence(600), 10 * RATE):
        assert recognizer.feed(block) == []
    assert first_word_after() <= first + 0.7  # at most a decoding later


async def test_the_service_runs_on_a_model_directory(whisper_tiny: Path) -> None:
    async with running(engine="whisper", model=str(whisper_tiny), language="en") as service:
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
