from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.speech.policy import HoldBack, LocalAgreement
from service.speech.words import Hypothesis, Word, join


def words(text: str) -> list[Word]:
    return [Word(part, index * 0.4, index * 0.4 + 0.3) for index, part in enumerate(text.split())]


def texts(hypothesis: Hypothesis) -> tuple[str, str]:
    return join(hypothesis.committed), join(hypothesis.tentative)


def test_two_hypotheses_that_agree_commit_their_common_beginning() -> None:
    policy = LocalAgreement(2)
    assert texts(policy.insert(words("the cat sad"))) == ("", "the cat sad")
    assert texts(policy.insert(words("the cat sat on"))) == ("the cat", "sat on")
    assert texts(policy.insert(words("the cat sat on the"))) == ("the cat sat on", "the")
    assert texts(policy.finish(words("the cat sat on the mat"))) == ("the cat sat on the mat", "")


def test_case_and_punctuation_are_no_disagreement() -> None:
    policy = LocalAgreement(2)
    policy.insert(words("well yes"))
    assert texts(policy.insert(words("Well, yes I"))) == ("Well, yes", "I")


def test_words_are_shown_when_they_settled_and_committed_when_they_are_old() -> None:
    policy = HoldBack(2.0)
    assert texts(policy.insert(words("we went to"), heard=1.2)) == ("", "")
    assert texts(policy.insert(words("we went two the"), heard=1.5)) == ("", "we went")
    assert texts(policy.insert(words("we went to the sea"), heard=2.0)) == ("", "we went")
    assert texts(policy.insert(words("we went to the sea"), heard=2.35)) == ("we", "went to the sea")
    assert texts(policy.insert(words("we went to the sea side"), heard=2.8)) == ("we went", "to the sea")
    assert texts(policy.finish(words("he went to the sea side"))) == ("we went to the sea side", "")


def test_shown_words_do_not_blink() -> None:
    """The engine doubts a word for a moment: it stays until another one is as sure."""
    policy = HoldBack(9.0)
    for heard in (1.5, 1.8):
        policy.insert(words("we went to"), heard=heard)
    assert texts(policy.insert(words("we went two"), heard=1.9)) == ("", "we went to")
    assert texts(policy.insert(words("we want"), heard=2.0)) == ("", "we went to")
    for heard in (2.1, 2.35):
        hypothesis = policy.insert(words("we went two the"), heard=heard)
    assert texts(hypothesis) == ("", "we went two the")


def test_times_that_move_lose_and_double_no_word() -> None:
    policy = LocalAgreement(2)
    policy.insert(words("we went to the sea"))
    policy.insert(words("we went to the sea"))
    for shift in (-0.3, 0.3):
        moved = [word.shifted(shift) for word in words("we went to the sea and back")]
        assert texts(policy.insert(moved))[0].startswith("we went to the sea")
        assert join(policy.rest(moved)) in ("and back", "")
    assert texts(policy.finish(moved)) == ("we went to the sea and back", "")


def test_the_next_utterance_begins_empty() -> None:
    for policy in (LocalAgreement(2), HoldBack(0.5)):
        policy.finish(words("one two"))
        assert texts(policy.finish(words("three"))) == ("three", "")


_hypotheses = st.lists(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12), min_size=1, max_size=20)


@given(_hypotheses, st.integers(1, 4))
def test_local_agreement_only_ever_appends(hypotheses: list[list[str]], n: int) -> None:
    policy = LocalAgreement(n)
    before: tuple[Word, ...] = ()
    for hypothesis in hypotheses:
        committed = policy.insert(words(" ".join(hypothesis))).committed
        assert committed[: len(before)] == before
        before = committed
    assert policy.finish(words(" ".join(hypotheses[-1]))).committed[: len(before)] == before


@given(_hypotheses, st.floats(0, 5))
def test_hold_back_only_ever_appends(hypotheses: list[list[str]], seconds: float) -> None:
    policy = HoldBack(seconds)
    before: tuple[Word, ...] = ()
    for step, hypothesis in enumerate(hypotheses):
        committed = policy.insert(words(" ".join(hypothesis)), heard=step * 0.5).committed
        assert committed[: len(before)] == before
        before = committed
    assert policy.finish([]).committed == before
