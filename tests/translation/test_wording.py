from __future__ import annotations

import pytest

from surtitle.core.words import Word, join
from surtitle.translation.wording import agreed, timed, words_of


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
    words = words_of(text)
    assert [word.text for word in words] == parts
    assert join(words).replace("\xa0", " ") == text


def test_times_fill_the_original() -> None:
    words = timed(words_of("une porte"), 2.0, 6.0)
    assert [(word.start, word.end) for word in words] == [(2.0, 3.5), (3.5, 6.0)]
    assert timed((), 2.0, 6.0) == ()


def test_agreement() -> None:
    assert agreed(words_of("une porte"), words_of("une clé")) == 1
    assert agreed([Word("a", 0, 0)], [Word("a", 5, 9)]) == 1
    assert agreed([Word("a", 0, 0)], [Word("a", 0, 0, spaced=False)]) == 0
