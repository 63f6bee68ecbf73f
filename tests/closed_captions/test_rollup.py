from __future__ import annotations

import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from surtitle.captions.cea608 import fits, transliterate
from surtitle.closed_captions.rollup import CLEAR_AFTER, MAX_AGE, MIN_INTERVAL, RollUp, Screen

WORD = st.text(min_size=1, max_size=40)
# A word, the seconds until the next, whether somebody else says it
SPEECH = st.lists(st.tuples(WORD, st.sampled_from([0.0, 0.1, 0.3, 1.0, 5.0, 12.0]), st.booleans()), max_size=60)


def play(roll: RollUp, until: float, *, step: float = 0.1, takes: bool = True) -> list[Screen]:
    """What is shown up to ``until`` seconds."""
    shown = []
    for tick in range(round(until / step) + 1):
        screen = roll.next(tick * step)
        if screen is not None and takes:
            roll.show(screen, tick * step)
            shown.append(screen)
    return shown


def rows(shown: list[Screen]) -> list[str]:
    """Each row once, as it was in the end; by the numbers that screens carry."""
    found: dict[int, str] = {}
    for screen in shown:
        for number, row in enumerate(reversed(screen.text.split("\n"))):
            if row:
                found[screen.row - number] = row
    return [found[number] for number in sorted(found)]


def test_a_row_fills_and_moves_up() -> None:
    roll = RollUp()
    for number, word in enumerate(["the", "train", "was", "late", "because", "of", "the", "heavy", "snow"]):
        roll.add(word, number * 0.5)
    assert [screen.text for screen in play(roll, 20)] == [
        "the",
        "the train",
        "the train was",
        "the train was late",
        "the train was late because",
        "the train was late because\nof",
        "the train was late because\nof the",
        "the train was late because\nof the heavy",
        "the train was late because\nof the heavy snow",
        "",
    ]


def test_rows_that_are_alike_are_seen_to_be_others() -> None:
    roll = RollUp()
    for _ in range(3):
        roll.add("no", 0.0, turn=True)
    assert [screen.text for screen in play(roll, 20)] == ["no", "no\n>> no", ">> no\n>> no", ""]
    roll = RollUp()
    for _ in range(4):
        roll.add("yes", 0.0, turn=True)
    roll.add("yes", 5.0)
    texts = [screen.text for screen in play(roll, 20)]
    assert texts == ["yes", "yes\n>> yes", ">> yes\n>> yes", ">> yes", "", "yes", ""]


def test_a_burst_is_shown_row_by_row() -> None:
    roll = RollUp()
    text = "a long sentence that comes all at once, as recognizers like to give it, and has many rows"
    roll.add(text, 0.0)
    shown = play(roll, 20)
    assert " ".join(rows(shown)) == text
    for before, after in itertools.pairwise(shown[:-1]):
        assert after.text.startswith(before.text.split("\n")[-1])


def test_somebody_else_has_a_row_of_his_own() -> None:
    roll = RollUp()
    roll.add("is it late?", 0.0)
    roll.add("yes", 0.1, turn=True)
    roll.add("it is", 0.2)
    assert play(roll, 2)[-1].text == "is it late?\n>> yes it is"


def test_marks_follow_their_word() -> None:
    roll = RollUp()
    roll.add("well", 0.0)
    roll.add("-known", 0.1, spaced=False)
    assert play(roll, 2)[-1].text == "well-known"


def test_after_silence_the_screen_is_cleared_once_and_begins_anew() -> None:
    roll = RollUp()
    roll.add("first", 0.0)
    roll.add("second", 20.0)
    assert [screen.text for screen in play(roll, 40)] == ["first", "", "second", ""]


def test_what_was_not_shown_is_given_again() -> None:
    roll = RollUp()
    roll.add("hello", 0.0)
    assert roll.next(0.0) == roll.next(1.0)
    roll.add("there", 1.0)
    screen = roll.next(1.0)
    assert screen is not None
    assert screen.text == "hello there"


def test_after_an_outage_nothing_is_missing() -> None:
    """The screens continue with the rows that viewers have not seen, row by row."""
    roll = RollUp()
    words = [f"word{number}" for number in range(60)]
    for number, word in enumerate(words):
        roll.add(word, number * 0.4)
    before = play(roll, 6.0)
    shown = [*before]
    for tick in range(150, 600):
        screen = roll.next(tick * 0.1)
        if screen is not None:
            roll.show(screen, tick * 0.1)
            shown.append(screen)
    assert " ".join(rows(shown)) == " ".join(words)
    assert roll.skipped == 0


def test_what_is_too_old_is_left_out_and_counted() -> None:
    roll = RollUp()
    for number in range(100):
        roll.add("word", float(number))
    now = 99.0
    while (screen := roll.next(now)) is not None and screen.text:
        roll.show(screen, now)
        now += MIN_INTERVAL
    assert roll.skipped == 100 - MAX_AGE - 1


def test_nothing_grows_when_nobody_takes_anything() -> None:
    roll = RollUp()
    for number in range(11_000):
        roll.add("word", 0.0001 * number)
    assert roll.skipped == 1000


def test_a_new_stream_begins_with_nothing() -> None:
    roll = RollUp()
    roll.add("before", 0.0)
    play(roll, 1.0)
    roll.add("lost", 1.0)
    roll.reset()
    assert roll.next(1.5) is None
    roll.add("after", 2.0)
    screen = roll.next(2.0)
    assert screen is not None
    assert screen.text == "after"


@given(SPEECH)
@example([("00©»000½\\\\»»»»»ÒÒ", 0.0, False)])  # short, but more byte pairs than a row has
@example([("{©è", 0.0, False), ("\\\r{©è", 1.0, False), ("\\\r{©è", 0.0, False)])  # a row becomes like the one before
def test_every_word_is_shown_once_in_order_and_fits(speech: list[tuple[str, float, bool]]) -> None:
    roll = RollUp()
    now = 0.0
    expected: list[str] = []
    turned = False
    for text, pause, turn in speech:
        roll.add(text, now, turn=turn)
        turned = turned or turn
        if words := transliterate(text).split():
            expected += [">>", *words] if turned and expected else words
            turned = False
        now += pause
    shown = play(roll, now + 60 * MIN_INTERVAL * 4 + CLEAR_AFTER, step=0.25)
    assert "".join("".join(rows(shown)).split()) == "".join(expected)
    if all(fits([word]) for word in expected):  # others are shown in pieces, each in a row
        assert " ".join(rows(shown)).split() == expected
    texts = [screen.text for screen in shown]
    assert all(fits(text.split("\n")) for text in texts if text)
    assert all(len(text.split("\n")) <= 2 for text in texts)
    assert all(before != after for before, after in itertools.pairwise(texts))
    assert not texts or texts[-1] == ""
    assert roll.skipped == 0


def test_the_pieces_of_a_number_stay_in_one_row() -> None:
    roll = RollUp()
    for at, (text, spaced) in enumerate([("we need a new one for exactly", True), ("10", True), (",000", False)]):
        roll.add(text, at / 100, spaced=spaced)
    roll.next(1.0)
    screens = []
    for step in range(2, 12):
        screen = roll.next(float(step))
        if screen is None:
            break
        roll.show(screen, float(step))
        screens.append(screen.text)
    assert any("10,000" in row for row in screens[-1].split("\n"))
