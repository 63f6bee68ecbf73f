from __future__ import annotations

import pytest

from surtitle.captions.wording import count_common_prefix, split_words, spread_times
from surtitle.core.words import Word, join


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Bonjour à tous.", ["Bonjour", "à", "tous."]),
        ("Où est la clé ?", ["Où", "est", "la", "clé\xa0?"]),
        ("今天, 我们", ["今", "天", ",", "我", "们"]),
        ("น้ำ", ["น้", "ำ"]),
        ("مرحبا بكم", ["مرحبا", "بكم"]),
        ("", []),
    ],
)
def test_words(text: str, parts: list[str]) -> None:
    words = split_words(text)
    assert [word.text for word in words] == parts
    assert join(words).replace("\xa0", " ") == text


def test_times_fill_the_original() -> None:
    words = spread_times(split_words("une porte"), 2.0, 6.0)
    assert [(word.start, word.end) for word in words] == [(2.0, 3.5), (3.5, 6.0)]
    assert spread_times((), 2.0, 6.0) == ()


def test_agreement() -> None:
    assert count_common_prefix(split_words("une porte"), split_words("une clé")) == 1
    assert count_common_prefix([Word("a", 0, 0)], [Word("a", 5, 9)]) == 1
    assert count_common_prefix([Word("a", 0, 0)], [Word("a", 0, 0, spaced=False)]) == 0
