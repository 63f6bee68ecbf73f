"""The configuration of a session: what is left out stays, and null clears."""

from __future__ import annotations

from typing import Any

import pytest

from surtitle.core.errors import BadRequest
from surtitle.web.compat.live_source import AudioFormat
from surtitle.web.compat.openai_errors import describe_error
from surtitle.web.compat.realtime_session import Session


def update(session: Session, **given: Any) -> Session:
    return session.update({"session": {"type": "transcription", "audio": {"input": given}}})


def test_the_defaults_are_those_of_openai() -> None:
    described = Session().describe("whisper-1")
    assert described["type"] == "transcription"
    assert described["object"] == "realtime.transcription_session"
    assert described["audio"]["input"] == {
        "format": {"type": "audio/pcm", "rate": 24_000},
        "transcription": {"model": "whisper-1"},
        "noise_reduction": None,
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": 300,
            "silence_duration_ms": 500,
        },
    }


def test_what_is_left_out_stays_and_null_clears() -> None:
    session = update(Session(), transcription={"model": "gpt-4o-transcribe", "language": "de"}, turn_detection=None)
    assert session.turn_detection is None
    session = update(session, transcription={"prompt": "Ada"})
    assert session.turn_detection is None
    assert session.transcription.language == "de"
    assert session.transcription.options.vocabulary.prompt == "Ada"
    assert update(session, transcription=None).transcription.options.language is None


@pytest.mark.parametrize(
    ("audio_format", "expected"),
    [
        ({"type": "audio/pcm"}, AudioFormat("pcm16le", 24_000)),
        ({"type": "audio/pcm", "rate": 16_000}, AudioFormat("pcm16le", 16_000)),
        ({"type": "audio/pcmu"}, AudioFormat("mulaw", 8_000)),
        ({"type": "audio/pcma"}, AudioFormat("alaw", 8_000)),
        (None, AudioFormat("pcm16le", 24_000)),
    ],
)
def test_formats(audio_format: Any, expected: AudioFormat) -> None:
    assert update(Session(), format=audio_format).format.audio == expected


def test_words_to_expect_and_candidates_for_the_language() -> None:
    options = update(
        Session(), transcription={"keywords": ["Ada", " ", "Babbage"], "prompt": "x " * 500, "languages": ["en", "fr"]}
    ).transcription.options
    assert options.language == "auto"
    assert options.vocabulary.hotwords == ("Ada", "Babbage")
    assert len(options.vocabulary.prompt) <= 600
    assert update(Session(), transcription={"languages": ["fr"]}).transcription.options.language == "fr"


def test_the_pause_that_ends_a_turn() -> None:
    def pause(*, sentence_ended: bool = False, **detection: Any) -> float:
        found = update(Session(), turn_detection=detection).turn_detection
        assert found is not None
        return found.pause(sentence_ended=sentence_ended)

    assert pause(type="server_vad", silence_duration_ms=1200) == 1.2
    assert pause(type="server_vad", silence_duration_ms=0) == 0.0
    assert pause(type="semantic_vad", eagerness="high") == 2.0
    assert pause(type="semantic_vad", eagerness="low") == 8.0
    assert pause(type="semantic_vad", sentence_ended=True) == 0.0


def test_models_without_turns_have_none_unless_they_are_requested() -> None:
    assert update(Session(), transcription={"model": "gpt-realtime-whisper"}).turn_detection is None
    assert update(
        Session(), transcription={"model": "gpt-realtime-whisper"}, turn_detection={"type": "server_vad"}
    ).turn_detection


def test_the_shape_of_the_beta_is_answered_in_that_shape() -> None:
    session = Session().update(
        {
            "session": {
                "input_audio_format": "g711_ulaw",
                "input_audio_transcription": {"model": "whisper-1", "language": "en"},
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 800},
                "input_audio_noise_reduction": {"type": "near_field"},
            }
        }
    )
    assert session.beta
    assert session.format.audio == AudioFormat("mulaw", 8_000)
    described = session.describe("base")
    assert described["input_audio_format"] == "g711_ulaw"
    assert described["input_audio_transcription"] == {"model": "whisper-1", "language": "en"}
    assert described["turn_detection"]["silence_duration_ms"] == 800
    assert described["input_audio_noise_reduction"] == {"type": "near_field"}
    assert "audio" not in described


@pytest.mark.parametrize(
    "session",
    [
        None,
        "x",
        {"type": "realtime"},
        {"audio": []},
        {"audio": {"input": 1}},
        {"audio": {"input": {"format": {"type": "audio/mp3"}}}},
        {"audio": {"input": {"format": "audio/pcm"}}},
        {"audio": {"input": {"transcription": "en"}}},
        {"audio": {"input": {"transcription": {"language": ["en"]}}}},
        {"audio": {"input": {"turn_detection": {"type": "push_to_talk"}}}},
        {"audio": {"input": {"turn_detection": {"silence_duration_ms": 5}}}},
        {"input_audio_format": "mp3"},
        {"input_audio_format": {}},
    ],
)
def test_what_is_not_valid_is_refused(session: Any) -> None:
    with pytest.raises(BadRequest):
        Session().update({"session": session})


def test_an_error_names_the_field() -> None:
    with pytest.raises(BadRequest) as refusal:
        Session().update({"session": {"type": "realtime"}})
    described = describe_error(refusal.value)
    assert described["type"] == "invalid_request_error"
    assert described["param"] == "session.type"
