from __future__ import annotations

import pytest

from service.speech.guards import is_blip, is_stock, without_loop
from service.speech.words import Word, join


def words(text: str, probability: float = 0.9) -> list[Word]:
    return [Word(part, index * 0.3, index * 0.3 + 0.3, probability) for index, part in enumerate(text.split())]


@pytest.mark.parametrize(
    ("heard", "kept"),
    [
        ("we went to the sea", "we went to the sea"),
        ("no no no no", "no no no no"),
        ("no no no no no no no no no no", "no no no no no no"),
        ("thank you " * 20, "thank you thank you thank you"),
        ("and then I and then I and then I and then I and", "and then I and then I and then I"),
        ("that that is is not not", "that that is is not not"),
    ],
)
def test_loops_are_cut_and_people_may_repeat_themselves(heard: str, kept: str) -> None:
    assert join(without_loop(words(heard))) == kept


def test_a_loop_may_have_begun_in_what_is_committed() -> None:
    said = words("the end the end the end")
    assert without_loop(words("the end the end"), said) == []
    assert join(without_loop(words("the house"), said)) == "the house"


def test_case_and_punctuation_do_not_hide_a_loop() -> None:
    assert join(without_loop(words("Yes, sir. Yes, sir! Yes sir. yes sir, yes sir"))) == "Yes, sir. Yes, sir! Yes sir."


def test_stock_phrases_are_taken_only_from_those_who_did_not_say_them() -> None:
    assert is_stock(words("Thank you.", 0.3), seconds=1.0)
    assert not is_stock(words("Thank you.", 0.95), seconds=1.0)
    assert is_stock(words("Thanks for watching!", 0.95), seconds=0.2)
    assert not is_stock(words("Thank you for the flowers.", 0.3), seconds=1.0)
    assert not is_stock([], seconds=1.0)
    assert is_stock(words("Subtitles by the Amara.org community", 0.4), seconds=2.0)


def test_a_word_made_of_a_moments_sound_is_believed_only_if_it_is_sure() -> None:
    assert is_blip(words("word", 0.5), seconds=0.4)
    assert not is_blip(words("Yes.", 0.9), seconds=0.4)
    assert not is_blip(words("word", 0.5), seconds=1.0)
    assert not is_blip([], seconds=0.4)
