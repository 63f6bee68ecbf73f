from __future__ import annotations

import json

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions
from surtitle.captions.exports.podcast import find_chapters
from surtitle.captions.transcript import export
from tests.captions.test_transcript import TWO, caption


def test_segments_are_captions() -> None:
    written = json.loads(export(TWO, "podcast.json"))
    assert written["version"] == "1.0.0"
    assert written["segments"][:2] == [
        {"speaker": "Host", "startTime": 0.5, "endTime": 1.4, "body": "Hello there."},
        {"speaker": "Guest", "startTime": 2.0, "endTime": 2.4, "body": "Fine."},
    ]


def test_segments_are_words_if_wished() -> None:
    segments = json.loads(export(TWO, "podcast.json", ExportOptions(words=True)))["segments"]
    assert segments[1] == {"speaker": "Host", "startTime": 1.0, "endTime": 1.4, "body": "there."}
    assert len(segments) == 8


def talk(*starts: float, source: str = "Host") -> list[Caption]:
    """Sentences of a second and a half, which begin at these times."""
    return [caption(int(start), source, f"Sentence {start:.0f} ends.", start) for start in starts]


def test_chapters_begin_after_the_longest_pause() -> None:
    said = talk(*range(0, 100, 2), *range(105, 160, 2), *range(170, 400, 2))
    assert [(one.start, one.title) for one in find_chapters(said, 60)][:3] == [
        (0.0, "Sentence 0 ends"),
        (105.0, "Sentence 105 ends"),
        (170.0, "Sentence 170 ends"),
    ]


def test_chapters_have_a_least_length_also_at_the_end() -> None:
    said = talk(*range(0, 300, 2), *range(330, 340, 2))
    starts = [one.start for one in find_chapters(said, 60)]
    assert all(after - before >= 60 for before, after in zip(starts, [*starts[1:], 340.0], strict=True))


def test_a_change_of_voices_is_better_than_a_short_pause() -> None:
    said = talk(*range(0, 80, 2)) + talk(*range(80, 160, 2), source="Guest")
    assert [one.start for one in find_chapters(said, 60)] == [0.0, 80.0]


def test_a_talk_without_any_pause_has_chapters_too() -> None:
    assert len(find_chapters([caption(n, "a", "one two three four", n * 2.0) for n in range(1800)])) > 5


def test_the_first_chapter_begins_at_the_beginning_and_long_sentences_are_cut() -> None:
    long = "This is a sentence that goes on and on, until nobody remembers how it began at all."
    (only,) = find_chapters([caption(1, "a", long, 7.0)])
    assert (only.start, only.title) == (0.0, "This is a sentence that goes on and on, until nobody…")


def test_chapters_are_written() -> None:
    assert json.loads(export(TWO, "chapters.json")) == {
        "version": "1.2.0",
        "chapters": [{"startTime": 0.0, "title": "Hello there"}],
    }
    assert json.loads(export([], "chapters.json")) == {"version": "1.2.0", "chapters": []}
