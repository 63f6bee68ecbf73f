from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from surtitle.captions.caption import Caption
from surtitle.captions.edit import apply_correction, derive_replacements
from surtitle.core.words import Word


def caption(text: str) -> Caption:
    words = tuple(Word(part, float(at), at + 0.8, 0.5) for at, part in enumerate(text.split()))
    return Caption("c1", 3, "Host", "en", words, (), True)


def times(text: str, instead: str) -> list[tuple[str, float, float]]:
    return [
        (word.text, round(word.start, 3), round(word.end, 3)) for word in apply_correction(caption(text), instead).words
    ]


def test_words_that_stayed_keep_their_times() -> None:
    assert times("we use sir title here", "we use Surtitle here") == [
        ("we", 0.0, 0.8),
        ("use", 1.0, 1.8),
        ("Surtitle", 2.0, 3.8),
        ("here", 4.0, 4.8),
    ]


def test_several_words_share_the_time_of_one() -> None:
    assert times("okay gracehopper", "okay Grace Hoper") == [
        ("okay", 0.0, 0.8),
        ("Grace", 1.0, 1.4),
        ("Hoper", 1.4, 1.8),
    ]


def test_words_are_added_and_taken_away() -> None:
    assert times("we went home", "we went all home") == [
        ("we", 0.0, 0.8),
        ("went", 1.0, 1.8),
        ("all", 1.8, 1.8),
        ("home", 2.0, 2.8),
    ]
    assert times("uh we went", "we went") == [("we", 1.0, 1.8), ("went", 2.0, 2.8)]
    assert times("uh", "") == []


def test_replacements_are_derived_from_corrections() -> None:
    assert derive_replacements(caption("Today sir title, by Ada love lace."), "Today Surtitle, by Ada Lovelace.") == {
        "sir title": "Surtitle",
        "love lace": "Lovelace",
    }
    assert derive_replacements(caption("we went home"), "we went home again") == {}
    assert derive_replacements(caption("one two three four five six"), "a b c d e f") == {}


@given(st.text("ab c", max_size=30), st.text("ab c", max_size=30))
def test_the_text_is_what_was_written_and_times_stay_in_order(said: str, written: str) -> None:
    after = apply_correction(caption(said), written)
    assert after.text == " ".join(written.split())
    assert after.rev == 4
    starts = [word.start for word in after.words]
    assert starts == sorted(starts)
    assert all(word.start <= word.end for word in after.words)
