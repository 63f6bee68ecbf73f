"""The results of Deepgram's interface: every committed word in exactly one final result."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from surtitle.captions.units import whole_words
from surtitle.core.words import Word
from surtitle.web.compat.deepgram_query import ListenQuery
from surtitle.web.compat.deepgram_results import RequestInfo, Results
from surtitle.web.compat.transcript import Change, SpeechEnded, SpeechStarted
from tests.web.compat.changes import said, words


def results(query: str = "interim_results=true&punctuate=true") -> Results:
    return Results(ListenQuery.parse(QueryParams(query)), RequestInfo("tiny.en", "whisper"))


def text(message: dict[str, Any]) -> str:
    return str(message["channel"]["alternatives"][0]["transcript"])


def describe(messages: list[dict[str, Any]]) -> list[str]:
    """The texts of results: "…" after interim ones, "|" after the end of a turn; and the other messages' types."""
    return [
        text(message) + ("|" if message["speech_final"] else "" if message["is_final"] else "…")
        if message["type"] == "Results"
        else message["type"]
        for message in messages
    ]


def test_interim_results_are_replaced_by_final_ones() -> None:
    found = results()
    assert describe(found.update([SpeechStarted(0.0, 0.0)], words("Please"), 1.0)) == ["Please…"]
    assert describe(found.update([], words("Please"), 1.2)) == []
    assert describe(found.update([said("Please")], words("close"), 1.5)) == ["Please close…"]
    assert describe(found.update([said("close the door.", final=True)], words("When"), 2.0)) == [
        "Please close the door.",
        "When…",
    ]
    assert describe(found.update([SpeechEnded(2.5)], (), 3.0)) == ["|"]  # "When" was not said


def test_the_last_final_result_of_a_turn_says_so() -> None:
    found = results("punctuate=true")
    messages = found.update(
        [SpeechStarted(0.0, 0.0), said("One.", final=True), said("Two.", 1.0, final=True, key="c2")], (), 2.0
    )
    assert describe(messages) == ["One.", "Two."]
    messages = found.update([said("Three.", 2.0, final=True, key="c3"), SpeechEnded(2.6)], (), 3.0)
    assert describe(messages) == ["Three.|"]


def test_without_endpointing_no_turn_ends() -> None:
    found = results("endpointing=false")
    assert describe(found.update([SpeechStarted(0.0, 0.0), said("one"), SpeechEnded(1.0)], (), 2.0)) == ["one"]


def test_a_longer_pause_ends_a_turn() -> None:
    found = results("endpointing=1000")
    messages = found.update([SpeechStarted(0.0, 0.0), said("One.", final=True), SpeechEnded(1.0)], (), 1.6)
    assert describe(messages) == ["one"]
    assert found.waiting
    assert describe(found.update([], (), 2.0)) == ["|"]


def test_the_ends_of_utterances_are_reported_once() -> None:
    found = results("interim_results=true&utterance_end_ms=1000&vad_events=true")
    messages = found.update([SpeechStarted(0.2, 0.2), said("one", final=True), SpeechEnded(0.7)], (), 1.2)
    assert describe(messages) == ["SpeechStarted", "one|"]
    assert messages[0]["timestamp"] == 0.2
    (end,) = found.update([], (), 1.6)
    assert end == {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 0.5}
    assert found.update([], (), 9.0) == []


def test_finalize_is_always_answered_once() -> None:
    batches: list[list[Change]] = [[], [said("two")], [said("two", final=True), SpeechEnded(2.0)]]
    for changes in batches:
        found = results("punctuate=true")
        found.update([SpeechStarted(0.0, 0.0), said("One")], (), 1.0)
        messages = found.flush(changes, 2.1, finalize=True)
        assert [message["from_finalize"] for message in messages] == [False] * (len(messages) - 1) + [True]
        assert messages[-1]["is_final"]
    empty = results().flush([], 0.0, finalize=True)
    assert [(text(message), message["from_finalize"]) for message in empty] == [("", True)]


def test_a_final_result_does_not_end_within_a_word() -> None:
    found = results("punctuate=true")
    assert describe(found.update([said("ten", final=True)], words("+,000"), 1.0)) == []
    assert describe(found.update([said("+,000 people.", 0.5, final=True, key="c2")], (), 2.0)) == ["ten,000 people."]


def test_a_result_has_all_that_clients_read() -> None:
    (message,) = results("punctuate=true&diarize=true").update([said("Hello, Ada.", final=True)], (), 1.0)
    assert message["channel_index"] == [0, 1]
    assert message["metadata"]["model_info"] == {"name": "tiny.en", "version": "1", "arch": "whisper"}
    (alternative,) = message["channel"]["alternatives"]
    assert alternative["confidence"] == 0.9
    assert alternative["words"][0]["word"] == "hello"
    assert alternative["words"][0]["punctuated_word"] == "Hello,"
    assert {word["speaker"] for word in alternative["words"]} == {0}
    (plain,) = results("").update([said("Hello, there!", final=True)], (), 1.0)
    assert text(plain) == "hello there"
    assert "punctuated_word" not in plain["channel"]["alternatives"][0]["words"][0]


def test_speakers_are_numbered_as_they_appear() -> None:
    found = results("diarize=true")
    (message,) = found.update([said("one", speaker="Bob"), said("two", 1.0, speaker="Ada", final=True)], (), 2.0)
    assert [word["speaker"] for word in message["channel"]["alternatives"][0]["words"]] == [0, 1]


def test_metadata() -> None:
    described = results().metadata(7.2, "abc", "2026-11-29T19:00:00.000Z")
    assert described["duration"] == 7.2
    assert described["models"] == list(described["model_info"])


@given(
    st.lists(st.sampled_from(["(", ")", "one", "two. F", "+, F", "F", "+'s F", "three four."]), max_size=25),
    st.sampled_from(["", "endpointing=false", "endpointing=3000", "interim_results=true&utterance_end_ms=1000"]),
)
def test_every_word_is_in_one_final_result(script: list[str], query: str) -> None:
    found, messages = results(query + "&punctuate=true"), []
    spoken: list[Word] = []
    for at, step in enumerate(script):
        now = float(at)
        change: Change
        if step in "()":
            change = SpeechStarted(now, now) if step == "(" else SpeechEnded(now)
        else:
            change = said(step.removesuffix("F"), now, final=step.endswith("F"), key=f"c{at}")
            spoken += change.words
        messages += found.update([change], (), now + 0.9)
    messages += found.flush([], len(script) + 1.0)
    finals = [message for message in messages if message["type"] == "Results" and message["is_final"]]
    heard = "".join(
        word["punctuated_word"] for final in finals for word in final["channel"]["alternatives"][0]["words"]
    )
    assert heard == "".join(word.text for word in whole_words(spoken))
    end = 0.0
    for final in finals:
        assert final["start"] == end
        end = round(final["start"] + final["duration"], 3)
