from __future__ import annotations

import pytest

from surtitle.core.words import Word, join
from surtitle.speech.policy import AlignAtt, Display, HoldBack, LocalAgreement, Margin


def words(text: str) -> list[Word]:
    return [Word(part, index * 0.4, index * 0.4 + 0.3) for index, part in enumerate(text.split())]


def test_two_hypotheses_that_agree_commit_their_common_beginning() -> None:
    policy = LocalAgreement(2)
    assert policy.commit(words("the cat sad"), 1.2) == 0
    assert policy.commit(words("the cat sat on"), 1.6) == 2
    assert policy.commit(words("sat on the"), 2.0) == 2
    assert policy.commit(words("the mat"), 2.4) == 1


def test_case_and_punctuation_are_ignored_when_hypotheses_are_compared() -> None:
    policy = LocalAgreement(2)
    policy.commit(words("well yes"), 1.0)
    assert policy.commit(words("Well, yes I"), 1.5) == 2


def test_the_number_of_hypotheses_that_must_agree_is_configurable() -> None:
    policy = LocalAgreement(3)
    assert [policy.commit(words("we went"), 1.0) for _ in range(3)] == [0, 0, 2]


def test_hypotheses_of_different_utterances_are_not_compared() -> None:
    policy = LocalAgreement(2)
    policy.commit(words("yes"), 0.5)
    policy.reset()
    assert policy.commit(words("yes"), 0.5) == 0


@pytest.mark.parametrize("policy", [AlignAtt((Margin(0.0, 0.3, 0.3),)), HoldBack(0.3)])
def test_words_that_end_before_the_last_frames_are_committed(policy: AlignAtt | HoldBack) -> None:
    spoken = words("we went to the")
    assert policy.commit(spoken, 0.5) == 0
    assert policy.commit(spoken, 0.6) == 1
    assert policy.commit(spoken, 1.5) == 3
    assert policy.commit(spoken, 5.0) == 4
    assert policy.commit([], 5.0) == 0


def test_a_word_out_of_order_holds_back_those_after_it() -> None:
    late = [Word("a", 0.0, 0.2), Word("b", 0.2, 0.9), Word("c", 0.3, 0.4)]
    assert AlignAtt((Margin(0.0, 0.2, 0.2),)).commit(late, 1.0) == 1


def test_a_word_of_low_probability_waits_for_more_audio() -> None:
    policy = AlignAtt((Margin(0.8, 0.3, 0.1), Margin(0.0, 1.5, 1.0)))
    doubtful = [Word("the", 0.0, 0.2, 0.9), Word("people", 0.2, 0.6, 0.4), Word("would", 0.6, 0.8, 0.9)]
    assert policy.commit(doubtful, 1.2) == 1
    assert policy.commit(doubtful[1:], 1.5) == 0
    assert policy.commit(doubtful[1:], 1.6) == 2  # the hypothesis before had the same word there


def test_punctuation_does_not_shift_the_agreed_words() -> None:
    policy = AlignAtt((Margin(0.0, 2.0, 0.1),))
    my = Word("my", 0.4, 0.6)
    assert policy.commit([Word(",", 0.3, 0.3, spaced=False), my], 1.0) == 1  # a mark waits for nothing
    assert policy.commit([my], 1.2) == 1


def shown(display: Display, text: str, heard: float, committed: int = 0) -> str:
    spoken = words(text)
    return join(display.show(spoken, display.count_settled(spoken, heard), committed))


def test_words_are_shown_when_they_are_old_enough_and_unchanged_for_a_while() -> None:
    display = Display(0.4, 0.2)
    assert shown(display, "we went to", 1.2) == ""
    assert shown(display, "we went two the", 1.5) == "we went"
    assert shown(display, "we went to the sea", 2.0) == "we went"
    assert shown(display, "we went to the sea", 2.35) == "we went to the sea"
    assert shown(display, "we went to the sea", 2.4, committed=2) == "to the sea"


def test_shown_words_do_not_blink() -> None:
    """The engine doubts a word for a moment: it stays until another one is as sure."""
    display = Display(0.4, 0.2)
    for heard in (1.5, 1.8):
        shown(display, "we went to", heard)
    assert shown(display, "we went two", 1.9) == "we went to"
    assert shown(display, "we want", 2.0) == "we went to"
    shown(display, "we went two the", 2.1)
    assert shown(display, "we went two the", 2.35) == "we went two the"
