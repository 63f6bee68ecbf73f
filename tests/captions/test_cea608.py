from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.captions.cea608 import (
    CHARACTERS,
    MAX_BYTES,
    check_writable,
    count_pairs,
    find_foreign_script,
    fits,
    transliterate,
)
from surtitle.core.errors import BadRequest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, 100 % of it!", "plain text, 100 % of it!"),
        ("Café, naïve, straße, piñata, Ærø", "Café, naïve, straße, piñata, Aerø"),
        ("Cafe\u0301", "Café"),
        ("Škoda, Łódź, Việt", "Skoda, Lódz, Viet"),
        ("it's ‘so’ “said” „unten“", "it’s ‘so’ “said” “unten“"),
        ("wait… – no — yes", "wait... - no — yes"),
        ("5 € and ½ £", "5 EUR and ½ £"),
        ("a\tb\u00a0c\n d\u200be", "a b c de"),
        ("well 😀👍🏽 done ❤️ 🇩🇪", "well done"),
        ("🎵 la la ♫", "♪ la la ♪"),
        ("said Привет twice", "said Privet twice"),
        ("№ 5, ﬁne, ２", "No 5, fine, 2"),
        ("", ""),
        ("😀", ""),
    ],
)
def test_text_in_the_characters_of_608(text: str, expected: str) -> None:
    assert transliterate(text) == expected


@given(st.text())
def test_only_what_608_has_is_written(text: str) -> None:
    assert set(transliterate(text)) <= CHARACTERS


@given(st.text())
def test_it_stays_as_it_was_written(text: str) -> None:
    assert transliterate(transliterate(text)) == transliterate(text)


@given(st.text(st.characters(categories=["L", "Nd"]), min_size=1))
def test_no_letter_or_digit_vanishes(text: str) -> None:
    assert all(transliterate(one) for one in unicodedata.normalize("NFC", text))


def test_what_a_row_costs() -> None:
    """As measured in OBS's streams."""
    assert count_pairs("") == 0
    assert count_pairs("xxxx") == 2
    assert count_pairs("xxxxx") == 3
    assert count_pairs("aéb ééc") == 4
    assert count_pairs("a®b ®®c") == 9
    assert count_pairs("aÁb ÁÁc") == 8


@pytest.mark.parametrize(
    ("rows", "good"),
    [
        ([], True),
        (["x" * 32], True),
        (["x" * 33], False),
        (["x" * 24, "x" * 26], True),
        (["x" * 32, "x" * 18], True),
        (["x" * 25, "x" * 25], False),  # the length at which OBS loses the caption before
        (["x" * 32, "x" * 20], False),
        (["x" * 27, "x" * 26], False),  # YouTube shows nothing at 53
        (["♪" * 13], True),
        (["♪" * 14], False),
        (["’" * 26, "’" * 24], False),  # 151 bytes
    ],
)
def test_what_fits(rows: list[str], good: bool) -> None:
    assert fits(rows) is good


@given(st.lists(st.text(st.sampled_from(sorted(CHARACTERS)), max_size=33), max_size=3))
def test_what_fits_is_within_all_limits(rows: list[str]) -> None:
    if fits(rows):
        assert 4 + sum(1 + count_pairs(row) for row in rows) <= 31
        assert len("\n".join(rows).encode()) <= MAX_BYTES
        assert all(len(row) <= 32 for row in rows)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Good evening", None),
        ("", None),
        ("100 % 😀", None),
        ("Добрый вечер", "Cyrillic"),
        ("Καλησπέρα", "Greek"),
        ("今晩は", "Chinese"),
        ("こんばんは", "Japanese"),
        ("안녕하세요", "Korean"),
        ("مساء الخير", "Arabic"),
        ("ＡＢＣ", None),
        ("he said Привет to us", None),
    ],
)
def test_scripts(text: str, script: str | None) -> None:
    assert find_foreign_script(text) == script


@pytest.mark.parametrize("code", ["en", "pt-BR", "pl", "vi", "sr-Latn", "haw"])
def test_languages_of_latin_letters(code: str) -> None:
    assert check_writable(code) == code


@pytest.mark.parametrize("code", ["ru", "zh-Hans", "ja", "ar", "EL", "sr"])
def test_other_languages_are_refused_with_advice(code: str) -> None:
    with pytest.raises(BadRequest, match=r"translation .* or use the overlay"):
        check_writable(code)
