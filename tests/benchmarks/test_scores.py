"""The benchmark's arithmetic, on states made by hand."""

from __future__ import annotations

import math

import pytest

from benchmarks.scores import Reference, Score, State, TimedWord, percentile, repeats, score, written_errors
from benchmarks.wording import words


def spoken(text: str) -> list[TimedWord]:
    """One word a second, each half a second long."""
    return [TimedWord(word, float(place), place + 0.5) for place, word in enumerate(text.split())]


def test_latencies_count_from_the_end_of_a_word() -> None:
    states = [State(0.75, "", "red"), State(1.75, "Red", "Red hat"), State(3.5, "Red hat.", "Red hat.")]
    result = score(spoken("red hat"), states)
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
    states = [State(2.0, "x red hat", "x red hat"), State(4.0, "red hat fell", "red hat fell")]
    result = score(spoken("red hat fell"), states)
    assert result.commit == pytest.approx([1.5, 0.5, 1.5])
    assert result.changed == 1


def test_numbers_count_alike_however_they_are_written() -> None:
    truth = [TimedWord(word, float(place), place + 0.5) for place, word in enumerate(words("it cost three dollars"))]
    result = score(truth, [State(9.0, "It cost $3.", "It cost $3.")])
    assert (result.words, result.errors) == (3, 0)


def test_case_and_punctuation_count_where_the_reference_has_them() -> None:
    references = [Reference(token, scored=True) for token in ["So,", "you", "know.", "Get", "started."]]
    assert written_errors(references, "So you know. get started.") == 2
    assert written_errors(references, "Well. So, you know. Get started. Yes.") == 2
    loose = [Reference(token, scored=False) for token in ["CONCORD", "RETURNED"]]
    assert written_errors([*references, *loose], "So, you know. Get started. Concord returned") == 0
    result = score([], [State(1.0, "", "so, you know. Get started.")], written=references)
    assert (result.written, result.written_errors) == (5, 1)


def test_every_token_is_an_error_when_nothing_is_shown() -> None:
    result = score(spoken("one two"), [], written=[Reference("One", True), Reference("two.", False)])
    assert (result.errors, result.written, result.written_errors) == (2, 1, 1)


@pytest.mark.parametrize(("share", "value"), [(0.5, 2.0), (0.51, 3.0), (0.95, 4.0), (1.0, 4.0)])
def test_percentile(share: float, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == value


def test_percentile_of_nothing() -> None:
    assert math.isnan(percentile([], 0.5))


def test_repeats() -> None:
    assert repeats(list("abcdabcde")) == 1
    assert repeats(list("abcdeabcd")) == 0
