from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.core.words import Word, join
from surtitle.speech.cloud.utterance import AudioBuffer, UtteranceWords, split_words


def texts(words: UtteranceWords) -> list[str]:
    return [word.text for word in words.committed]


def ramp(start: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.arange(start, start + count, dtype=np.float32)


def test_audio_is_read_from_any_position() -> None:
    buffer = AudioBuffer(100)
    for start in (0, 10, 20):
        buffer.append(ramp(start, 10))
    assert buffer.read(5, 12).tolist() == ramp(5, 12).tolist()
    assert buffer.read(25, 100).tolist() == ramp(25, 5).tolist()
    assert not buffer.read(30, 5).size


def test_audio_that_is_not_needed_any_more_is_dropped() -> None:
    buffer = AudioBuffer(100)
    buffer.append(ramp(0, 10))
    buffer.append(ramp(10, 10))
    buffer.drop(13)
    assert (buffer.start, buffer.end, buffer.lost) == (13, 20, 0)
    assert buffer.read(0, 3).tolist() == ramp(13, 3).tolist()
    buffer.drop(50)
    assert (buffer.start, buffer.end) == (20, 20)


def test_audio_for_which_there_is_no_room_is_lost_from_the_beginning_and_counted() -> None:
    buffer = AudioBuffer(15)
    buffer.append(ramp(0, 10))
    buffer.append(ramp(10, 10))
    assert (buffer.start, buffer.lost) == (5, 5)
    assert buffer.read(0, 20).tolist() == ramp(5, 15).tolist()


def test_final_words_are_committed_and_others_are_tentative() -> None:
    words = UtteranceWords()
    words.put_timed([Word("one", 0.1, 0.5)], final=False, heard=1.0)
    assert (texts(words), [word.text for word in words.tentative]) == ([], ["one"])
    words.put_timed([Word("won", 0.1, 0.5)], final=True, heard=1.0)
    assert (texts(words), words.tentative) == (["won"], ())


def test_times_are_in_order_and_inside_the_audio() -> None:
    words = UtteranceWords()
    words.put_timed([Word("one", 0.4, 0.9), Word("two", 0.8, 2.5)], final=True, heard=2.0)
    words.put_timed([Word("three", 1.0, 1.2)], final=True, heard=2.0)
    assert [(word.start, word.end) for word in words.committed] == [(0.4, 0.9), (0.9, 2.0), (2.0, 2.0)]


def test_the_last_word_of_a_text_that_grows_is_tentative() -> None:
    words = UtteranceWords()
    words.put_text("Please clo", complete=False, until=0.8)
    assert (texts(words), [word.text for word in words.tentative]) == (["Please"], ["clo"])
    words.put_text("Please close the", complete=False, until=1.2)
    assert texts(words) == ["Please", "close"]
    words.put_text("Please close the door.", complete=True, until=2.0)
    assert texts(words) == ["Please", "close", "the", "door."]
    assert words.tentative == ()


def test_words_without_times_share_the_time_since_the_last_one() -> None:
    words = UtteranceWords()
    words.put_text("aaaa bb cc", complete=True, until=2.2)
    assert [(round(word.start, 3), round(word.end, 3)) for word in words.committed] == [
        (0.2, 1.2),
        (1.2, 1.7),
        (1.7, 2.2),
    ]


def test_a_text_that_contradicts_its_deltas_changes_no_committed_word() -> None:
    words = UtteranceWords()
    words.put_text("I red the book", complete=False, until=1.0)
    words.put_text("I read the book yesterday.", complete=True, until=2.0)
    assert texts(words) == ["I", "red", "the", "book", "yesterday."]


@pytest.mark.parametrize(
    ("again", "all_words"),
    [
        ("one two three four", "one two three four"),
        ("one too three four", "one two three four"),
        ("one three four", "one two three four"),
        ("well one two three four", "one two three four"),
        ("one two", "one two three"),
        ("", "one two three"),
    ],
)
def test_what_is_transcribed_again_after_an_interruption_appears_once(again: str, all_words: str) -> None:
    words = UtteranceWords()
    words.put_text("one two three f", complete=False, until=2.0)
    words.restart()
    words.put_text(again, complete=False, until=3.0)
    assert texts(words) == ["one", "two", "three"]
    words.put_text(again, complete=True, until=3.0)
    assert " ".join(texts(words)) == all_words


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c d", "e."]), max_size=4), max_size=6), st.booleans())
def test_committed_words_never_change(updates: list[list[str]], complete: bool) -> None:
    words = UtteranceWords()
    committed: list[Word] = []
    for index, update in enumerate(updates):
        words.put_text(" ".join(update), complete=complete and index == len(updates) - 1, until=float(index))
        assert words.committed[: len(committed)] == committed
        committed = list(words.committed)
        assert all(one.end <= other.start for one, other in itertools.pairwise(committed))


def test_scripts_without_spaces_are_divided_into_letters() -> None:
    words = split_words("ドアを 閉めて。")
    assert [word.text for word in words] == ["ド", "ア", "を", "閉", "め", "て。"]
    assert join(words) == "ドアを 閉めて。"
    assert [word.text for word in split_words("l'été well-known 12,000")] == ["l'été", "well-known", "12,000"]


def test_finishing_commits_what_is_tentative() -> None:
    words = UtteranceWords()
    words.put_timed([Word("one", 0.1, 0.5)], final=False, heard=1.0)
    assert [word.text for word in words.finish().committed] == ["one"]
