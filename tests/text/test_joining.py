"""Pieces of text that must stay together."""

from __future__ import annotations

import pytest

from surtitle.text.joining import must_stay_together


@pytest.mark.parametrize(
    ("before", "after"),
    [
        *(
            ("10", ",000"),
            ("aujourd", "'hui"),
            ("U", ".S."),
            ("p", ".m."),
            ("don", "'t"),
            ("well", "-known"),
            ("$", "5"),
        ),
        *(
            ("終わり", "。"),
            ("ちょ", "っ"),
            ("スーパ", "ー"),
            ("「", "東京"),
            ("東京", "」"),
            ("人", "々"),
            ("ไป", "ๆ"),
            ("50", "％"),
        ),
        *(("กำ", "ั"), ("हिन्", "ी"), ("한국", "어"), ("3", ".5"), ("km", "/h"), ("you", ","), ("", "a")),
    ],
)
def test_pieces_of_one_word_stay_together(before: str, after: str) -> None:
    assert must_stay_together(before, after, spaced=False)


@pytest.mark.parametrize(
    ("before", "after"),
    [("東京", "は"), ("。", "次"), ("」", "と"), ("東京", "Tower"), ("iPhone", "を"), ("เรา", "ไป"), ("so—", "yes")],
)
def test_a_line_may_end_in_scripts_without_spaces(before: str, after: str) -> None:
    assert not must_stay_together(before, after, spaced=False)


@pytest.mark.parametrize(("before", "after"), [("Quoi", "?"), ("«", "Oui"), ("Oui", "»"), ("50", "%")])
def test_no_line_ends_at_a_space_before_a_french_mark(before: str, after: str) -> None:
    assert must_stay_together(before, after, spaced=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("€", "5"),
        ("US$", "5,000"),
        ("(£", "5"),
        ("10", "000"),
        ("$1", "234"),
        ("234", "567."),
        ("10", "000,5"),
        ("5", "%."),
        ("5", "€,"),
        ("20", "°C."),
        ("100", "₺"),
        ("₺", "100"),
        ("n°", "5"),
        ("Nº", "5"),
        ("−", "5"),
    ],
)
def test_no_line_ends_in_a_number_with_spaces(before: str, after: str) -> None:
    assert must_stay_together(before, after, spaced=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("10", "5"),
        ("2024", "100"),
        ("10", "1000"),
        ("a", "b"),
        ("a", "'tis"),
        ("said", '"Yes'),
        ("a", "-"),
        ("in", "€"),
        ("€", "and"),
    ],
)
def test_a_line_may_end_at_a_space(before: str, after: str) -> None:
    assert not must_stay_together(before, after, spaced=True)
