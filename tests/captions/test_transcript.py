from __future__ import annotations

import json

import pytest

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions
from surtitle.captions.transcript import EXPORT_FORMATS, export
from surtitle.core.words import Word


def caption(number: int, source: str, text: str, start: float, *, final: bool = True) -> Caption:
    words = tuple(Word(part, start + i * 0.5, start + i * 0.5 + 0.4, 0.9) for i, part in enumerate(text.split()))
    return Caption(f"c{number}", 1, source, "en", words, final=final)


ONE = [caption(1, "Host", "Hello there.", 0.5), caption(2, "Host", "How <are> you & yours?", 3661.2)]
TWO = [*ONE, caption(3, "Guest", "Fine.", 2.0), caption(4, "Guest", "not yet", 9.0, final=False)]


def test_srt() -> None:
    assert export(ONE, "srt") == (
        "1\n00:00:00,500 --> 00:00:01,400\nHello there.\n\n2\n01:01:01,200 --> 01:01:03,600\nHow ‹are› you & yours?\n"
    )


def test_vtt_is_escaped() -> None:
    assert export(ONE, "vtt") == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.400\nHello there.\n\n"
        "01:01:01.200 --> 01:01:03.600\nHow &lt;are&gt; you &amp; yours?\n"
    )


def test_several_sources_are_named_and_in_order_of_time() -> None:
    assert export(TWO, "txt") == "Host:\nHello there.\nGuest:\nFine.\nHost:\nHow <are> you & yours?\n"
    assert "Guest: Fine." in export(TWO, "srt")
    assert "<v Guest>Fine." in export(TWO, "vtt")


def test_json_has_words() -> None:
    first = json.loads(export(TWO, "json"))["captions"][0]
    assert first["words"][0] == {"w": "Hello", "s": 0.5, "e": 0.9, "p": 0.9}


def test_a_short_caption_stays_until_it_can_be_read_but_not_into_the_next() -> None:
    lines = export([caption(1, "a", "Yes.", 1.0), caption(2, "a", "No.", 1.5)], "srt").splitlines()
    assert lines[1] == "00:00:01,000 --> 00:00:01,500"
    assert lines[5] == "00:00:01,500 --> 00:00:02,400"


@pytest.mark.parametrize("form", EXPORT_FORMATS)
def test_an_offset_shifts_all_times(form: str) -> None:
    later = [caption(1, "Host", "Hello there.", 100.5), caption(2, "Host", "How <are> you & yours?", 3761.2)]
    assert export(ONE, form, ExportOptions(words=True, offset=100.0)) == export(later, form, ExportOptions(words=True))
    assert export(later, form, ExportOptions(words=True, offset=-100.0)) == export(ONE, form, ExportOptions(words=True))


def test_words_before_zero_are_left_out() -> None:
    cut = export(ONE, "srt", ExportOptions(offset=-0.95))  # "Hello" ends at 0.9 s
    assert cut.startswith("1\n00:00:00,050 --> 00:00:00,950\nthere.\n\n2\n01:01:00,250")
    assert export(ONE, "txt", ExportOptions(offset=-4000.0)) == ""


def test_nothing_is_a_valid_file() -> None:
    assert export([], "srt") == ""
    assert export([], "vtt").startswith("WEBVTT")
    assert json.loads(export([], "json")) == {"captions": []}
