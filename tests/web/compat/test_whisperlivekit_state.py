"""What clients of WhisperLiveKit are told: lines, buffers, and the differences between two states."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from surtitle.web.compat.whisperlivekit import is_container
from surtitle.web.compat.whisperlivekit_state import Differ, Line, State, Transcript, count_pruned, format_time


def caption(
    key: str, start: float, committed: str, tentative: str = "", *, final: bool = False, **more: Any
) -> Caption:
    said = [Word(text, start + at, start + at + 0.5) for at, text in enumerate(f"{committed} {tentative}".split())]
    count = len(committed.split())
    return Caption(key, more.pop("rev", 1), "Host", "en", tuple(said[:count]), tuple(said[count:]), final, **more)


def texts(state: State) -> list[str]:
    return [line.text for line in state.lines]


def test_in_full_the_open_caption_is_the_last_line() -> None:
    transcript = Transcript(10)
    assert transcript.state().status == "no_audio_detected"
    transcript.put(caption("c1", 62.5, "Please close the door.", final=True))
    open_caption = caption("c2", 67, "But", "when you")
    transcript.put(open_caption)
    state = transcript.state(open_caption.tentative, waiting=0.44)
    assert state == State(
        status="active_transcription",
        lines=[
            Line(1, "Please close the door.", "0:01:02.50", "0:01:06.00"),
            Line(1, "But", "0:01:07.00", "0:01:07.50"),
        ],
        buffer_transcription="when you",
        remaining_time_transcription=1.9,
        remaining_time_transcription_processing=0.4,
        remaining_time_transcription_policy=1.5,
    )


def test_a_withdrawn_word_does_not_clear_the_clients_transcript() -> None:
    transcript = Transcript(10)
    guess = caption("c1", 1, "", "Thank you.")
    transcript.put(guess)
    assert transcript.state(guess.tentative).buffer_transcription == "Thank you."
    transcript.put(caption("c1", 0, ""))
    assert (transcript.state().status, transcript.state().lines) == ("active_transcription", [])


def test_in_diff_only_final_captions_are_lines() -> None:
    transcript = Transcript(10, diff=True)
    transcript.put(caption("c1", 1, "Please close", "the"))
    assert (transcript.state().lines, transcript.state().buffer_transcription) == ([], "Please close the")
    transcript.put(caption("c1", 1, "Please close the door.", final=True))
    transcript.put(caption("c2", 6, "", "Now"))
    assert (texts(transcript.state()), transcript.state().buffer_transcription) == (["Please close the door."], "Now")


def test_long_pauses_are_lines() -> None:
    transcript = Transcript(10)
    for key, start in (("c1", 1.0), ("c2", 5.0), ("c3", 11.0)):
        transcript.put(caption(key, start, "Yes.", final=True))
    assert transcript.state().lines[2] == Line(-2, "", "0:00:05.50", "0:00:11.00")
    assert len(transcript.state().lines) == 4


def test_speakers_get_numbers_in_the_order_of_appearance() -> None:
    transcript = Transcript(10)
    for key, speaker in (("c1", "Speaker 2"), ("c2", "Speaker 1"), ("c3", "Speaker 2"), ("c4", None)):
        transcript.put(caption(key, 1, "Yes.", final=True, speaker=speaker))
    assert [line.speaker for line in transcript.state().lines] == [1, 2, 1, 1]


def test_translations_belong_to_lines() -> None:
    transcript = Transcript(10, translated=True)
    transcript.put(caption("c1", 1, "Good evening.", final=True))
    transcript.put(caption("c2", 4, "And"))
    assert transcript.translate(caption("c1", 1, "Guten Abend.", final=True))
    assert transcript.translate(caption("c2", 4, "Und", "willkommen"))
    assert not transcript.translate(caption("other", 4, "Nein."))
    state = transcript.state()
    assert [line.translation for line in state.lines] == ["Guten Abend.", "Und"]
    assert state.buffer_translation == "willkommen"


def test_in_diff_a_line_waits_for_its_translation_but_not_for_ever() -> None:
    transcript = Transcript(10, diff=True, translated=True)
    transcript.put(caption("c1", 1, "One.", final=True))
    transcript.put(caption("c2", 2, "Two.", final=True))
    transcript.translate(caption("c2", 2, "Zwei.", final=True))
    state = transcript.state()
    assert (state.lines, state.buffer_transcription, state.buffer_translation) == ([], "One. Two.", "Zwei.")
    for key, start in (("c3", 3.0), ("c4", 4.0)):
        transcript.put(caption(key, start, "More.", final=True))
    assert texts(transcript.state()) == ["One.", "Two."]
    assert transcript.untranslated
    transcript.complete = True
    assert len(transcript.state().lines) == 4


def test_only_captions_of_this_source_are_corrected() -> None:
    transcript = Transcript(10)
    transcript.put(caption("c1", 1, "Sir title.", final=True))
    assert not transcript.correct(caption("other", 1, "Nobody.", final=True))
    assert not transcript.correct(caption("c1", 1, "Sir title.", final=True))  # the same revision
    assert transcript.correct(caption("c1", 1, "Surtitle.", final=True, rev=2))
    assert texts(transcript.state()) == ["Surtitle."]


def line(number: int) -> Line:
    return Line(1, str(number), "0:00:00.00", "0:00:00.00")


def test_a_diff_has_each_line_once() -> None:
    differ = Differ()
    states = [State(lines=[line(number) for number in range(count)]) for count in (0, 1, 1, 3)]
    messages = [json.loads(differ.message(state)) for state in states]
    assert [message["type"] for message in messages] == ["snapshot", "diff", "diff", "diff"]
    assert [message["seq"] for message in messages] == [1, 2, 3, 4]
    assert [[new["text"] for new in message.get("new_lines", [])] for message in messages[1:]] == [
        ["0"],
        [],
        ["1", "2"],
    ]
    assert "lines_pruned" not in messages[3]
    assert "error" not in messages[0]


def test_what_is_dropped_in_front_is_pruned_and_a_change_prunes_everything() -> None:
    assert count_pruned([line(1), line(2), line(3)], [line(2), line(3), line(4)]) == 1
    assert count_pruned([line(1), line(2)], [line(1), line(3)]) == 2
    assert count_pruned([line(1), line(2)], [line(1)]) == 2
    assert count_pruned([line(1)], []) == 1
    assert count_pruned([], [line(1)]) == 0


captions = st.builds(
    lambda key, words, final, rev, gap: caption(f"c{key}", 10 * key + gap, words, final=final, rev=rev),
    st.integers(0, 5),
    st.sampled_from(["", "One.", "One. Two."]),
    st.booleans(),
    st.integers(1, 5),
    st.integers(0, 9),
)


@given(st.lists(captions | st.builds(caption, st.just("t"), st.just(1.0), st.just("x")), max_size=12))
def test_a_client_of_diff_has_the_lines_that_the_service_has(changes: list[Caption]) -> None:
    """As WhisperLiveKit's own client applies the messages, whatever happens to the captions."""
    transcript, differ = Transcript(3, diff=True), Differ()
    lines: list[Any] = []
    for change in changes:
        transcript.put(change)
        state = transcript.state()
        message = json.loads(differ.message(state))
        if message["type"] == "snapshot":
            lines = message["lines"]
        else:
            del lines[: message.get("lines_pruned", 0)]
            lines += message.get("new_lines", [])
            assert len(lines) == message["n_lines"]
        assert [one["text"] for one in lines] == texts(state)


def test_times() -> None:
    assert [format_time(seconds) for seconds in (0, 62.5, 59.999, 3600.25, 86399.99)] == [
        "0:00:00.00",
        "0:01:02.50",
        "0:01:00.00",
        "1:00:00.25",
        "23:59:59.99",
    ]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\x1a\x45\xdf\xa3" + bytes(8), True),  # WebM
        (b"OggS" + bytes(8), True),
        (b"RIFF\x24\0\0\0WAVE", True),
        (b"fLaC" + bytes(8), True),
        (b"ID3\x04" + bytes(8), True),
        (b"\xff\xfb\x90\x64" + bytes(8), True),  # MP3 without a tag
        (b"\xff\xf1\x50\x80" + bytes(8), True),  # AAC without a container
        (b"\0\0\0\x20ftypisom", True),
        (bytes(12), False),
        (b"\xff" * 12, False),  # samples of -1
        (b"\xff\xff\xfe\xff\x01\0\0\0\xff\xff\0\0", False),
        (b"\xff\xfb\xf0\xfb" + bytes(8), False),  # samples of -1000
        (b"ab", False),
    ],
)
def test_the_first_bytes_tell_a_container_from_samples(head: bytes, expected: bool) -> None:
    assert is_container(head) is expected
