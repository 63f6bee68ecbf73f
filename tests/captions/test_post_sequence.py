from __future__ import annotations

from surtitle.captions.post_sequence import PostSequence


def test_a_request_that_is_sent_again_counts_once() -> None:
    sequence = PostSequence()
    assert [sequence.accept(*post) for post in ((1, "a"), (1, "a"), (2, "b"), (1, "a"), (3, "b"))] == [
        True,
        False,
        True,
        False,
        True,
    ]
    assert (sequence.last, sequence.missing) == (3, 0)


def test_requests_without_numbers_all_count() -> None:
    sequence = PostSequence()
    assert sequence.accept(None, "a")
    assert sequence.accept(None, "a")
    assert sequence.last is None


def test_missing_requests_are_counted_until_they_come() -> None:
    sequence = PostSequence()
    assert sequence.accept(7, "a")
    assert sequence.accept(10, "d")
    assert sequence.missing == 2
    assert sequence.accept(9, "c")
    assert not sequence.accept(9, "c")
    assert (sequence.last, sequence.missing) == (10, 1)


def test_a_client_that_was_restarted_counts_from_the_beginning() -> None:
    sequence = PostSequence()
    for number in range(1, 200):
        assert sequence.accept(number, f"word {number}")
    assert sequence.accept(1, "again")
    assert sequence.accept(2, "and")
    assert not sequence.accept(2, "and")
    assert (sequence.last, sequence.missing) == (2, 0)
