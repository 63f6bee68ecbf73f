from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from surtitle.core.words import Hypothesis, Word, join
from surtitle.speech.commitment import CommittedWords
from surtitle.speech.policy import AlignAtt, Display, HoldBack, LocalAgreement, Margin, Policy


def words(text: str) -> list[Word]:
    return [Word(part, index * 0.4, index * 0.4 + 0.3) for index, part in enumerate(text.split())]


def texts(hypothesis: Hypothesis) -> tuple[str, str]:
    return join(hypothesis.committed), join(hypothesis.tentative)


def commitment(policy: Policy, age: float = 0.0, steady: float = 0.0) -> CommittedWords:
    return CommittedWords(policy, Display(age, steady))


def insert(words_of: CommittedWords, text: str, heard: float) -> tuple[str, str]:
    """A hypothesis for the whole utterance."""
    return texts(words_of.insert(words_of.rest(words(text)), heard))


def test_committed_and_shown_words() -> None:
    held = commitment(HoldBack(2.0), 0.4, 0.2)
    assert insert(held, "we went to the sea", 2.0) == ("", "")
    assert insert(held, "we went to the sea", 2.35) == ("we", "went to the sea")
    assert insert(held, "we went to the sea side", 2.8) == ("we went", "to the sea")
    assert texts(held.finish(held.rest(words("he went to the sea side")))) == ("we went to the sea side", "")


def test_moving_times_neither_lose_nor_duplicate_words() -> None:
    agreed = commitment(LocalAgreement(2))
    for _ in range(2):
        insert(agreed, "we went to the sea", 9.0)
    for shift in (-0.3, 0.3):
        moved = [word.shift(shift) for word in words("we went to the sea and back")]
        assert texts(agreed.insert(agreed.rest(moved), 9.0))[0].startswith("we went to the sea")
        assert join(agreed.rest(moved)) in ("and back", "")
    assert texts(agreed.finish(agreed.rest(moved))) == ("we went to the sea and back", "")


def test_limits_override_the_policy() -> None:
    held = commitment(AlignAtt((Margin(0.0, 0.0, 0.0),)))
    assert texts(held.insert(words("one two three"), 9.0, max_count=2)) == ("one two", "three")
    held = commitment(AlignAtt((Margin(0.0, 9.0, 9.0),)))
    assert texts(held.insert(words("one two three"), 9.0, min_count=2)) == ("one two", "three")


def test_the_next_utterance_begins_empty() -> None:
    for policy in (LocalAgreement(2), HoldBack(0.5), AlignAtt((Margin(0.0, 0.3, 0.3),))):
        utterances = commitment(policy)
        assert texts(utterances.finish(words("one two"))) == ("one two", "")
        assert texts(utterances.finish(words("three"))) == ("three", "")


_hypotheses = st.lists(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12), min_size=1, max_size=20)
_policies = st.sampled_from(
    [
        lambda: LocalAgreement(1),
        lambda: LocalAgreement(2),
        lambda: HoldBack(0.7),
        lambda: AlignAtt((Margin(0.0, 0.3, 0.3),)),
    ]
)
_displays = st.tuples(st.sampled_from([0.0, 0.4]), st.sampled_from([0.0, 0.2, 0.6]))


@given(_hypotheses, _policies, _displays)
def test_committed_words_are_only_ever_added_to(
    hypotheses: list[list[str]], policy: Callable[[], Policy], display: tuple[float, float]
) -> None:
    """Whatever the hypotheses say."""
    utterance = commitment(policy(), *display)
    before: tuple[Word, ...] = ()
    for step, hypothesis in enumerate(hypotheses):
        whole = utterance.rest(words(" ".join(hypothesis)))
        committed = utterance.insert(whole, step * 0.5).committed
        assert committed[: len(before)] == before
        before = committed
    assert utterance.finish(utterance.rest(words(" ".join(hypotheses[-1])))).committed[: len(before)] == before
