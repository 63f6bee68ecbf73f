"""Long texts are cut between words."""

from __future__ import annotations

import pytest

from surtitle.text.shortening import shorten


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("", 10, ""),
        ("Good night", 10, "Good night"),
        ("Good evening", 10, "Good…"),
        ("Good night, all", 11, "Good…"),
        ("Good night, all", 12, "Good night,…"),
        ("Incomprehensibilities of all kinds", 10, "Incompreh…"),
        ("今日は良い天気ですね", 5, "今日は良…"),
    ],
)
def test_shorten(text: str, length: int, expected: str) -> None:
    assert shorten(text, length) == expected
    assert len(expected) <= length
