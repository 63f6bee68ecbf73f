from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from surtitle.audio import RATE
from surtitle.speech.cloud.access import CloudAccess
from surtitle.speech.cloud.errors import CloudError, CloudRefused
from surtitle.speech.cloud.openai import OpenAI, OpenAISession
from surtitle.speech.cloud.protocol import Event, Failed, Finished, Language, Message, Ready, Text
from surtitle.speech.engine import Hints

ACCESS = CloudAccess("wss://api.openai.com/v1/realtime", "a-key")
HINTS = Hints("A talk about boats.", ("Halyard", "jib sheet"))


def transcription(model: str, language: str = "en", hints: Hints = HINTS) -> dict[str, Any]:
    (message,) = OpenAI(ACCESS, model).open(language, hints).greet()
    found: dict[str, Any] = json.loads(message)["session"]["audio"]["input"]["transcription"]
    return found


@pytest.fixture
def session() -> OpenAISession:
    session = OpenAI(ACCESS, "gpt-live-transcribe").open("en", Hints())
    session.begin()
    return session


def about(kind: str, item: str = "a", **more: Any) -> str:
    return json.dumps({"type": f"conversation.item.input_audio_transcription.{kind}", "item_id": item, **more})


def read(session: OpenAISession, *messages: str) -> list[Event]:
    return [event for message in messages for event in session.parse(message)]


def test_the_session_is_for_transcription_without_turns() -> None:
    cloud = OpenAI(ACCESS, "gpt-live-transcribe")
    assert cloud.address("en", Hints()) == "wss://api.openai.com/v1/realtime?intent=transcription"
    assert cloud.headers() == {"Authorization": "Bearer a-key"}
    (message,) = cloud.open("en", Hints()).greet()
    update = json.loads(message)
    assert update["type"] == "session.update"
    assert update["session"]["type"] == "transcription"
    audio = update["session"]["audio"]["input"]
    assert audio["format"] == {"type": "audio/pcm", "rate": 24_000}
    assert audio["turn_detection"] is None
    assert audio["transcription"] == {"model": "gpt-live-transcribe", "language": "en"}


def test_the_language_is_left_out_where_it_is_to_be_detected() -> None:
    assert "language" not in transcription("gpt-live-transcribe", "auto")


def test_each_model_is_given_the_vocabulary_as_it_takes_it() -> None:
    live = transcription("gpt-live-transcribe")
    assert (live["keywords"], live["prompt"]) == (["Halyard", "jib sheet"], "A talk about boats.")
    older = transcription("gpt-4o-transcribe")
    assert (older.get("keywords"), older["prompt"]) == (None, "Halyard, jib sheet A talk about boats.")
    whisper = transcription("gpt-realtime-whisper")
    assert not {"keywords", "prompt"} & set(whisper)


def test_a_model_that_waits_for_the_end_of_a_turn_gets_shorter_ones() -> None:
    assert OpenAI(ACCESS, "gpt-4o-transcribe").rules.longest < OpenAI(ACCESS, "gpt-live-transcribe").rules.longest


def test_audio_is_sent_at_24_khz(session: OpenAISession) -> None:
    messages: list[Message] = []
    for _ in range(4):
        messages += session.encode(np.full(RATE // 4, 0.25, np.float32))
    messages += session.finalize()
    assert json.loads(messages[-1]) == {"type": "input_audio_buffer.commit"}
    audio = b"".join(base64.b64decode(json.loads(message)["audio"]) for message in messages[:-1])
    assert len(audio) == 2 * 24_000
    assert np.median(np.frombuffer(audio, "<i2")) == 8192


def test_deltas_are_the_text_so_far_and_a_transcript_is_all_of_it(session: OpenAISession) -> None:
    found = read(session, about("delta", delta="Please"), about("delta", delta=" clo"))
    assert found == [Text("Please", complete=False), Text("Please clo", complete=False)]
    session.finalize()
    found = read(session, about("completed", transcript="Please close it.", languages=[{"code": "en"}]))
    assert found == [Language("en"), Text("Please close it.", complete=True), Finished()]


def test_an_item_of_an_earlier_utterance_is_ignored(session: OpenAISession) -> None:
    read(session, about("delta", delta="One"))
    session.begin()
    assert read(session, about("completed", transcript="One.")) == []
    assert read(session, about("delta", item="b", delta="Two")) == [Text("Two", complete=False)]


def test_a_service_that_ends_turns_by_itself_loses_no_words(session: OpenAISession) -> None:
    found = read(session, about("completed", transcript="One."), about("delta", item="b", delta="Two"))
    assert found == [Text("One.", complete=False), Text("One. Two", complete=False)]


def test_nothing_to_commit_ends_the_utterance(session: OpenAISession) -> None:
    session.finalize()
    error = {"type": "invalid_request_error", "code": "input_audio_buffer_commit_empty", "message": "empty"}
    assert read(session, json.dumps({"type": "error", "error": error})) == [Text("", complete=True), Finished()]


def test_the_session_is_ready_when_it_is_configured(session: OpenAISession) -> None:
    assert session.awaits_ready
    assert read(session, '{"type": "session.created"}', '{"type": "session.updated"}') == [Ready()]


def test_a_failed_item_costs_its_words_only(session: OpenAISession) -> None:
    (failed,) = read(session, about("failed", error={"code": "audio_unintelligible", "message": "no speech"}))
    assert isinstance(failed, Failed)
    assert "could not transcribe (no speech)" in failed.error.message


@pytest.mark.parametrize(
    ("error", "permanent", "says"),
    [
        ({"type": "invalid_request_error", "code": "invalid_api_key", "message": "sk-1"}, True, "OPENAI_API_KEY"),
        ({"type": "insufficient_quota", "code": "insufficient_quota"}, True, "add credit"),
        ({"type": "requests", "code": "rate_limit_exceeded"}, True, "no more requests"),
        ({"type": "invalid_request_error", "code": "model_not_found", "message": "no x"}, True, r"request \(no x\)"),
        ({"type": "invalid_request_error", "code": "session_expired"}, False, "closed the connection"),
        ({"type": "server_error", "message": "oh"}, False, r"could not transcribe \(oh\)"),
    ],
)
def test_errors_say_what_to_do(session: OpenAISession, error: dict[str, str], permanent: bool, says: str) -> None:
    with pytest.raises(CloudError, match=says) as raised:
        read(session, json.dumps({"type": "error", "error": error}))
    assert isinstance(raised.value, CloudRefused) == permanent


@pytest.mark.parametrize("message", ["hello", "[]", '{"type": "error", "error": 3}', about("completed")])
def test_nonsense_is_not_of_this_protocol(session: OpenAISession, message: str) -> None:
    with pytest.raises(CloudRefused, match="does not speak the protocol of OpenAI: check SURTITLE_OPENAI_URL"):
        read(session, message)


def test_other_messages_say_nothing(session: OpenAISession) -> None:
    messages: Sequence[str] = (
        '{"type": "input_audio_buffer.committed", "item_id": "a"}',
        '{"type": "rate_limits"}',
        "{}",
    )
    assert read(session, *messages) == []
