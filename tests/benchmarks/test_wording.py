"""How texts are normalized before errors are counted."""

from __future__ import annotations

import pytest

from benchmarks.wording import joined, tokens, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("In eighteen sixty-seven, he paid three dollars and fifty cents.", "in 1867 he paid $3.50"),
        ("six times ten equals sixty", "6 × 10 = 60"),
        ("Six hundred thousand", "600,000"),
        ("a twelve percent chance", "a 12% chance"),
        ("It’s Mr. Brown, who can't come.", "it is mister brown who can not come"),
        ("the colour of uh honour", "The color of honor"),
        ("Thy youth’s livery, a tatter'd weed: feel’st", "thy youth's livery a tattered weed feelst"),
        ("Part II", "part two"),
        ("Hello. How are you? Fine…", "hello how are you fine"),
    ],
)
def test_spellings_that_are_no_error(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_other_languages_keep_their_letters_and_lose_punctuation() -> None:
    assert words("Où est l'été\u00a0?", "fr") == ["où", "est", "l", "été"]
    assert words("Mon chiffre préféré: 3 061.", "fr") == words("mon chiffre préféré 3061", "fr")
    assert words("2.500 Straßen", "de") == ["2500", "straßen"]


def test_japanese_is_counted_by_characters() -> None:
    assert words("東京は晴れでした。", "ja") == list("東京は晴れでした")
    assert tokens("東京は 晴れ。", "ja") == list("東京は晴れ。")
    assert joined(["東", "京"], "ja") == "東京"


def test_tokens_are_left_as_they_are() -> None:
    assert tokens("So, you know.\n Get started") == ["So,", "you", "know.", "Get", "started"]
    assert joined(["So,", "you"], "en") == "So, you"
