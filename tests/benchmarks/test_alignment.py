"""Times for the words of a reference text."""

from __future__ import annotations

import pytest

from benchmarks.alignment import spread, timed_tokens, timed_words
from benchmarks.scores import TimedWord

HEARD = [TimedWord("The", 1.0, 1.2), TimedWord("cat's", 1.2, 1.6), TimedWord("hat.", 2.0, 2.4)]


def test_words_that_were_heard_have_their_times() -> None:
    assert timed_words("the hat", HEARD, "en", 3.0) == [
        TimedWord("the", 1.0, 1.2),
        TimedWord("hat", 2.0, 2.4),
    ]


def test_a_contraction_is_split_within_its_time() -> None:
    timed = timed_words("It's", [TimedWord("It's", 1.0, 1.4)], "en", 2.0)
    assert [word.word for word in timed] == ["it", "is"]
    assert (timed[0].start, timed[0].end, timed[1].end) == pytest.approx((1.0, 1.2, 1.4))


def test_words_that_were_not_heard_lie_between_their_neighbors() -> None:
    timed = spread(["the", "big", "old", "hat"], [TimedWord("the", 1.0, 1.2), TimedWord("hat", 2.0, 2.4)], 3.0)
    assert [(round(word.start, 2), round(word.end, 2)) for word in timed[1:3]] == [(1.2, 1.6), (1.6, 2.0)]


def test_words_before_the_first_and_after_the_last_that_was_heard() -> None:
    timed = spread(["a", "hat", "fell", "down"], [TimedWord("hat", 2.0, 2.4)], 2.6)
    assert (timed[0].start, timed[0].end) == pytest.approx((1.7, 2.0))
    assert (timed[2].start, timed[3].end) == pytest.approx((2.4, 2.6))


def test_nothing_was_heard() -> None:
    timed = spread(["a", "hat"], [], 9.0)
    assert [word.end for word in timed] == pytest.approx([0.3, 0.6])
    assert spread([], HEARD, 3.0) == []


def test_tokens_keep_case_and_punctuation_and_a_dash_has_no_length() -> None:
    timed = timed_tokens("The – hat.", HEARD, "en", 3.0)
    assert timed == [
        TimedWord("The", 1.0, 1.2),
        TimedWord("–", 1.2, 1.2),
        TimedWord("hat.", 2.0, 2.4),
    ]
