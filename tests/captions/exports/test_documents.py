from __future__ import annotations

from surtitle.captions.transcript import export
from tests.captions.test_transcript import TWO, caption


def test_text_with_times_has_the_speaker_in_every_line() -> None:
    assert export(TWO, "timed.txt") == (
        "[0:00:00] Host: Hello there.\n[0:00:02] Guest: Fine.\n[1:01:01] Host: How <are> you & yours?\n"
    )
    assert export([caption(1, "Host", "Alone.", 30 * 3600)], "timed.txt") == "[30:00:00] Alone.\n"


def test_markdown_says_who_and_when() -> None:
    assert export(TWO, "md") == (
        "**Host** (0:00:00)  \nHello there.\n\n"
        "**Guest** (0:00:02)  \nFine.\n\n"
        "**Host** (1:01:01)  \nHow \\<are\\> you &amp; yours?\n"
    )


def test_captions_of_one_voice_are_a_paragraph_until_a_long_pause() -> None:
    said = [caption(1, "a", "One.", 0.0), caption(2, "a", "Two.", 1.0), caption(3, "a", "Three.", 9.0)]
    assert export(said, "md") == "**a** (0:00:00)  \nOne. Two.\n\n**a** (0:00:09)  \nThree.\n"


def test_what_is_said_is_no_markup() -> None:
    for said, written in (
        ("1. * _x_ [y](z)", "1\\. \\* \\_x\\_ \\[y\\](z)"),
        ("- no list", "\\- no list"),
        ("# no heading", "\\# no heading"),
        ("plain - text 1. here", "plain - text 1. here"),
    ):
        assert export([caption(1, "a", said, 0.0)], "md").splitlines()[1] == written


def test_nothing_is_an_empty_document() -> None:
    assert export([], "md") == ""
