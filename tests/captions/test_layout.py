import re

from hypothesis import example, given
from hypothesis import strategies as st

from surtitle.captions.layout import Box, balance_lines, count_columns, count_fitting, find_break, wrap
from surtitle.captions.units import can_break
from surtitle.core.words import Word, join


def words(text: str) -> list[Word]:
    return [Word(part, 0, 0) for part in text.split()]


def test_wide_scripts_take_two_columns() -> None:
    assert count_columns("abc") == 3
    assert count_columns("字幕") == 4
    assert count_columns("สวัสดี") == 4  # four letters, two marks above them


def test_lines_are_filled_one_after_the_other() -> None:
    lines = wrap(words("one two three four five"), 9)
    assert [join(line) for line in lines] == ["one two", "three", "four five"]


def test_a_word_wider_than_the_line_stands_alone() -> None:
    assert [len(line) for line in wrap(words("a " + "x" * 60 + " b"), 42)] == [1, 1, 1]


_texts = st.lists(st.text("abcdefg字é,.", min_size=1, max_size=15), min_size=1, max_size=30).map(" ".join)


@given(_texts, st.integers(5, 42))
def test_a_growing_caption_never_moves_a_word(text: str, width: int) -> None:
    everything = words(text)
    before: list[list[Word]] = []
    for count in range(1, len(everything) + 1):
        lines = wrap(everything[:count], width)
        assert [line[: len(old)] for line, old in zip(lines, before, strict=False)] == before
        before = lines
    assert [word for line in before for word in line] == everything


@given(_texts)
def test_what_fits_is_within_the_box(text: str) -> None:
    everything = words(text)
    count = count_fitting(everything, Box(20, 2))
    assert 1 <= count <= len(everything)
    assert len(wrap(everything[:count], 20)) <= 2


def test_a_break_goes_between_phrases() -> None:
    text = words("we walked along the river, because the sun was")
    assert join(text[: find_break(text, 3, 8)]) == "we walked along the river,"


@given(_texts)
@example("acccgcgéacg éécggagc ggcgcgcca ééagcccé ... aégaggaéég aaaa éaééé")  # 43 columns with the mark
@example("字字d 字.字c字d..d .cc d.字cd.字dccd字dc ... d字字字d字dcccd 字.d.")
def test_balanced_lines_keep_every_word_and_the_limits(text: str) -> None:
    everything = words(text)
    fit = everything[: count_fitting(everything, Box())]
    lines = balance_lines(fit, Box())
    assert " ".join(lines) == join(fit)
    assert len(lines) <= 2
    too_long = [line for line in lines if count_columns(line) > 42 and " " in line]
    # Marks that follow their word with a space may exceed the width, if no break would keep both lines within it.
    assert all(count_columns(re.sub(r"( \.\.\.)+$", "", line)) <= 42 for line in too_long)
    assert not too_long or not any(
        can_break(fit, count) and max(count_columns(join(fit[:count])), count_columns(join(fit[count:]))) <= 42
        for count in range(1, len(fit))
    )


def test_two_lines_break_before_an_opener_and_are_about_as_long() -> None:
    lines = balance_lines(words("Everything happens on this computer and nothing is sent away."), Box())
    assert lines == ["Everything happens on this computer", "and nothing is sent away."]


def test_a_line_never_begins_with_a_mark_that_came_late() -> None:
    words = [Word("word", n, n + 1) for n in range(4)] + [Word(".", 4, 4, spaced=False), Word("Next", 4, 5)]
    assert [join(line) for line in wrap(words, 19)] == ["word word word word.", "Next"]
