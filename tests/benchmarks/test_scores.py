"""The benchmark's arithmetic, on states made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.pad import PLACE_OF_SPECIALS, TEXT_TOKENS, VOCABULARY, with_silent_entries
from benchmarks.scores import Score, Spoken, State, percentile, plain, repeats, score


def spoken(text: str) -> list[Spoken]:
    """One word a second, each half a second long."""
    return [Spoken(word, float(place), place + 0.5) for place, word in enumerate(text.split())]


def test_latencies_count_from_the_end_of_a_word() -> None:
    states = [State(0.75, "", "one"), State(1.75, "One", "One two"), State(3.5, "One two.", "One two.")]
    result = score(spoken("one two"), states)
    assert result.errors == 0
    assert result.first == pytest.approx([0.25, 0.25])
    assert result.commit == pytest.approx([1.25, 2.0])


def test_a_word_is_not_seen_before_it_was_begun() -> None:
    states = [State(0.9, "", "the"), State(2.4, "", "the dog the"), State(4.0, "the dog the", "the dog the")]
    result = score(spoken("the dog the"), states)
    assert result.first == pytest.approx([0.4, 0.9, -0.1])


def test_wrong_and_missing_words_are_errors_without_latency() -> None:
    result = score(spoken("we saw a red house"), [State(9.0, "we saw the house", "we saw the house")])
    assert (result.words, result.errors) == (5, 2)
    assert len(result.commit) == 3


def test_nothing_heard() -> None:
    assert score(spoken("one two"), []) == Score(2, 2)


def test_reworded_and_changed_words() -> None:
    states = [State(1.0, "", "a cat"), State(2.0, "a", "a hat sat"), State(3.0, "the hat", "the hat sat")]
    result = score(spoken("the hat sat"), states)
    assert (result.shown, result.reworded) == (5, 2)  # cat became hat, a became the
    assert (result.committed, result.changed) == (3, 1)


def test_a_word_that_grows_is_not_reworded() -> None:
    states = [State(1.0, "ho", "ho"), State(2.0, "house of", "house of")]
    result = score(spoken("house of"), states)
    assert (result.committed, result.changed) == (2, 0)
    assert result.commit == pytest.approx([1.5, 0.5])  # but it counts when it is whole


def test_a_transcript_that_is_taken_back_at_its_front() -> None:
    states = [State(2.0, "x one two", "x one two"), State(4.0, "one two three", "one two three")]
    result = score(spoken("one two three"), states)
    assert result.commit == pytest.approx([1.5, 0.5, 1.5])
    assert result.changed == 1


def test_words_without_case_and_punctuation() -> None:
    assert plain("It’s 9 o'clock, Anna: well-known!") == ["it's", "o'clock", "anna", "well", "known"]


@pytest.mark.parametrize(("share", "value"), [(0.5, 2.0), (0.51, 3.0), (0.95, 4.0), (1.0, 4.0)])
def test_percentile(share: float, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == value


def test_percentile_of_nothing() -> None:
    assert math.isnan(percentile([], 0.5))


def test_repeats() -> None:
    assert repeats(list("abcdabcde")) == 1
    assert repeats(list("abcdeabcd")) == 0


def test_unwritten_entries_of_the_vocabulary_have_a_constant_logit() -> None:
    chance = np.random.default_rng(1)
    gamma, beta = (chance.uniform(0.5, 1.5, 16).astype(np.float32) for _ in range(2))
    words = np.ones((VOCABULARY, 16), np.float32)
    norms = {"decoder/layer_norm/gamma": gamma, "decoder/layer_norm/beta": beta}
    table = with_silent_entries({"decoder/embeddings/weight": words, **norms})
    inside = chance.standard_normal(16)
    inside = (inside - inside.mean()) / inside.std()
    logits = table @ (inside * gamma + beta)
    assert logits[TEXT_TOKENS:PLACE_OF_SPECIALS] == pytest.approx(-1e4, rel=1e-4)
    assert logits[0] == pytest.approx((inside * gamma + beta).sum())
