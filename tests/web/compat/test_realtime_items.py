"""The items of OpenAI's interface: their messages in order, and deltas that are only appended."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from surtitle.web.compat.realtime_items import Items
from surtitle.web.compat.realtime_session import Session, Transcription, TurnDetection
from surtitle.web.compat.transcript import Change, SpeechEnded, SpeechStarted
from tests.web.compat.changes import said

MANUAL = Session(turn_detection=None)


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [
        message["type"].removeprefix("conversation.item.").removeprefix("input_audio_").removeprefix("buffer.")
        for message in messages
    ]


def test_the_messages_of_a_turn_come_in_order() -> None:
    items = Items(Session())
    messages = items.update([SpeechStarted(0.3, 0.3), said("Please close")], 2.0)
    messages += items.update([said("the door.", 1.5), SpeechEnded(2.5)], 3.2)
    assert kinds(messages) == [
        "speech_started",
        "transcription.delta",
        "transcription.delta",
        "speech_stopped",
        "committed",
        "added",
        "done",
        "transcription.completed",
    ]
    assert len({message["item_id"] for message in messages if "item_id" in message}) == 1
    assert messages[0]["audio_start_ms"] == 300
    assert [message["delta"] for message in messages[1:3]] == ["Please close", " the door."]
    assert messages[3]["audio_end_ms"] == 2500
    assert messages[4]["previous_item_id"] is None
    assert messages[5]["item"]["content"] == [{"type": "input_audio", "transcript": "Please close the door."}]
    assert messages[7]["transcript"] == "Please close the door."
    assert messages[7]["usage"] == {"type": "duration", "seconds": 2.2}


def test_items_know_the_one_before() -> None:
    items = Items(Session())
    first = items.update([SpeechStarted(0.0, 0.0), said("One."), SpeechEnded(1.0), SpeechStarted(5.0, 5.0)], 5.5)
    second = items.update([said("Two.", 5.0, key="c2"), SpeechEnded(6.0)], 7.0)
    committed = [message for message in first + second if message["type"].endswith("committed")]
    assert committed[1]["previous_item_id"] == committed[0]["item_id"]
    assert second[0]["delta"] == "Two."


def test_the_silence_that_was_asked_for_ends_a_turn() -> None:
    items = Items(Session(turn_detection=TurnDetection("server_vad", silence_duration_ms=1500)))
    assert kinds(items.update([SpeechStarted(0.0, 0.0), said("One"), SpeechEnded(1.0)], 1.7)) == [
        "speech_started",
        "transcription.delta",
    ]
    assert items.waiting
    assert kinds(items.update([SpeechStarted(2.0, 2.0), said("two.", 2.0), SpeechEnded(3.0)], 3.7)) == [
        "transcription.delta"
    ]
    assert kinds(items.update([], 4.5))[0] == "speech_stopped"


def test_semantic_turns_end_with_a_sentence() -> None:
    items = Items(Session(turn_detection=TurnDetection("semantic_vad")))
    assert "committed" not in kinds(
        items.update([SpeechStarted(0.0, 0.0), said("Please close"), SpeechEnded(1.0)], 1.7)
    )
    assert "committed" in kinds(items.update([SpeechStarted(2.0, 2.0), said("the door.", 2.0), SpeechEnded(3.0)], 3.7))


def test_without_turns_only_a_commit_ends_an_item() -> None:
    items = Items(MANUAL)
    messages = items.update([SpeechStarted(0.0, 0.0), said("One."), SpeechEnded(1.0), SpeechStarted(3.0, 3.0)], 4.0)
    assert kinds(messages) == ["transcription.delta"]
    messages = items.commit([said("Two.", 3.0, key="c2"), SpeechEnded(4.0)], 4.5)
    assert kinds(messages) == ["transcription.delta", "committed", "added", "done", "transcription.completed"]
    assert messages[-1]["transcript"] == "One. Two."


def test_a_commit_ends_exactly_one_item() -> None:
    for session in (Session(), MANUAL, Session(turn_detection=TurnDetection("semantic_vad"))):
        items = Items(session)
        items.update([SpeechStarted(0.0, 0.0), said("One.")], 1.0)
        messages = items.commit([said("Two.", 1.0), SpeechEnded(1.5)], 1.6)
        assert kinds(messages).count("committed") == 1
        assert items.update([], 9.0) == []
    nothing = items.commit([], 12.0)
    assert kinds(nothing) == ["committed", "added", "done", "transcription.completed"]
    assert nothing[-1]["transcript"] == ""


def test_what_was_cleared_is_in_no_item() -> None:
    items = Items(MANUAL)
    items.update([said("One.")], 1.0)
    items.clear([said("Two.", 1.0)], 2.0)
    items.update([said("Three.", 2.0)], 3.0)
    assert items.commit([], 3.0)[-1]["transcript"] == "Three."


def test_speakers_are_segments() -> None:
    items = Items(MANUAL)
    items.update([said("Hello there.", speaker="Ada"), said("Hi.", 1.0, speaker="Bob")], 2.0)
    segments = [message for message in items.commit([], 2.0) if message["type"].endswith("segment")]
    assert [(segment["speaker"], segment["text"]) for segment in segments] == [("Ada", "Hello there."), ("Bob", "Hi.")]
    assert segments[1]["start"] == 1.0


def test_the_beta_has_one_message_for_an_item() -> None:
    items = Items(Session(turn_detection=None, beta=True))
    items.update([said("One.")], 1.0)
    assert kinds(items.commit([], 1.0)) == ["committed", "created", "transcription.completed"]


def test_the_language_is_told_to_those_who_gave_candidates() -> None:
    items = Items(Session(turn_detection=None, transcription=Transcription(languages=("en", "fr"))))
    items.update([said("One.")], 1.0)
    assert items.commit([], 1.0)[-1]["languages"] == [{"code": "en"}]


@given(
    st.lists(
        st.sampled_from(["(", ")", "one", "two three", "+,", "+'s done."]),
        max_size=20,
    ),
    st.sampled_from([Session(), MANUAL, Session(turn_detection=TurnDetection("semantic_vad"))]),
)
def test_transcripts_are_the_deltas_joined(script: list[str], session: Session) -> None:
    items, messages = Items(session), []
    for at, step in enumerate(script):
        now = float(at)
        change: Change = (
            SpeechStarted(now, now)
            if step == "("
            else SpeechEnded(now)
            if step == ")"
            else said(step, now, key=f"c{at}")
        )
        messages += items.update([change], now + 0.9)
    messages += items.commit([], len(script) + 1.0)
    deltas: dict[str, str] = {}
    for message in messages:
        if message["type"].endswith(".delta"):
            deltas[message["item_id"]] = deltas.get(message["item_id"], "") + message["delta"]
        elif message["type"].endswith(".completed"):
            assert message["transcript"] == deltas.pop(message["item_id"], "")
    assert deltas == {}
