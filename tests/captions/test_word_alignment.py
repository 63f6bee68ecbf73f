from __future__ import annotations

import random
from itertools import pairwise

import pytest

from surtitle.captions.fit import Piece
from surtitle.captions.word_alignment import align_words
from surtitle.core.words import Word


def talk(seed: int, count: int = 600) -> list[Word]:
    """Words from a small vocabulary, two per second."""
    chance = random.Random(seed)
    return [Word(f"w{chance.randrange(60)}", number * 0.5, number * 0.5 + 0.4) for number in range(count)]


def hear(words: list[Word], *pieces: tuple[float, float, float]) -> list[Word]:
    """What is recognized of pieces (begin, end, offset): other words now and then, and times that differ a little."""
    chance = random.Random(9)
    heard = []
    for begin, end, offset in pieces:
        for word in words:
            if begin <= word.start < end and chance.random() > 0.05:
                text = word.text.title() + "." if chance.random() > 0.1 else "else"
                heard.append(Word(text, word.start + offset + chance.uniform(-0.1, 0.2), word.end + offset))
    return heard


def test_one_offset() -> None:
    (piece,) = align_words(hear(talk(1), (20, 280, -20.0)), talk(1))
    assert piece.offset == pytest.approx(-20.0, abs=0.15)
    assert (piece.position, piece.end) == (0.0, float("inf"))


def test_a_recording_that_was_paused() -> None:
    pieces = align_words(hear(talk(1), (0, 100, 5.0), (130, 200, -25.0), (202, 300, -27.0)), talk(1))
    assert [piece.offset for piece in pieces] == pytest.approx([5.0, -25.0, -27.0], abs=0.15)
    assert [piece.position for piece in pieces] == pytest.approx([0.0, 105.0, 175.0], abs=5)
    assert all(before.position + before.length == after.position for before, after in pairwise(pieces))


def test_other_words_have_nothing_in_common() -> None:
    other = [Word(f"x{word.text}", word.start, word.end) for word in talk(2)]
    assert align_words(other, talk(1)) == []
    assert align_words([], talk(1)) == []
    assert align_words(talk(1)[:5], talk(1)) == []
    assert align_words(talk(1), talk(1)) == [Piece(0.0, 0.0)]
