from __future__ import annotations

from surtitle.captions.exports import ExportOptions
from surtitle.captions.transcript import export
from tests.captions.test_transcript import ONE, TWO, caption

WORDS = ExportOptions(words=True)


def test_words_of_webvtt_have_their_times() -> None:
    assert export(ONE, "vtt", WORDS) == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.400\nHello <00:00:01.000>there.\n\n01:01:01.200 --> 01:01:03.600\n"
        "How <01:01:01.700>&lt;are&gt; <01:01:02.200>you <01:01:02.700>&amp; <01:01:03.200>yours?\n"
    )
    assert "<v Guest>Fine." in export(TWO, "vtt", WORDS)


def test_times_of_words_lie_within_their_cue_and_rise() -> None:
    said = [caption(1, "a", "One two three four.", 1.0), caption(2, "a", "Next.", 2.2)]
    first = export(said, "vtt", WORDS).split("\n\n")[1]
    assert first == "00:00:01.000 --> 00:00:02.200\nOne <00:00:01.500>two <00:00:02.000>three four."


def test_words_of_subrip_have_no_times() -> None:
    assert export(ONE, "srt", WORDS) == export(ONE, "srt")
