from __future__ import annotations

import math

from surtitle.captions.caption import Caption
from surtitle.captions.fit import Piece, fit_captions
from surtitle.core.words import Word
from tests.captions.test_transcript import caption


def times(captions: list[Caption]) -> list[tuple[str, float, float]]:
    return [(one.text, round(one.start, 3), round(one.end, 3)) for one in captions]


def test_a_recording_that_began_later() -> None:
    said = [caption(1, "a", "Before that.", 1.0), caption(2, "a", "One two three.", 9.2), caption(3, "a", "Later.", 20)]
    assert times(fit_captions(said, [Piece(10.0, 0.0)])) == [("three.", 0.2, 0.6), ("Later.", 10.0, 10.4)]
    assert times(fit_captions(said, [Piece(-5.0, 0.0)]))[0] == ("Before that.", 6.0, 6.9)


def test_words_of_pauses_are_left_out() -> None:
    said = [caption(1, "a", "One two three four five six", 8.8), caption(2, "a", "Seven.", 30.0)]
    pieces = [Piece(0.0, 0.0, 10.0), Piece(11.0, 10.0, 5.0), Piece(29.0, 15.0, 1.5)]
    assert times(fit_captions(said, pieces)) == [("One two five six", 8.8, 10.7), ("Seven.", 16.0, 16.4)]


def test_a_word_at_the_edge_is_cut() -> None:
    said = [Caption("c1", 1, "a", "en", (Word("Long", 9.0, 10.4), Word("gone", 10.4, 11.0)), (), True)]
    assert times(fit_captions(said, [Piece(0.0, 0.0, 10.0)])) == [("Long", 9.0, 10.0)]


def test_without_pieces_nothing_is_left() -> None:
    assert fit_captions([caption(1, "a", "One.", 1.0)], []) == []
    assert math.isinf(Piece(0.0, 0.0).end)
