"""Exports, read by the libraries and programs of others: pysubs2, webvtt-py, and FFmpeg (as mpv and VLC use it)."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import av
import msgspec
import pysubs2
import pytest
import webvtt
from av.subtitles.subtitle import AssSubtitle

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions
from surtitle.captions.transcript import EXPORT_FORMATS, export
from surtitle.core.words import Word
from tests.captions.test_transcript import caption

SCRIPTS = [
    "Hello there.",
    "Ça va, Łukasz Žižka?",
    "Γειά σου, Привет!",
    "مرحبا كيف حالك؟",
    "שלום, OBS!",
    "नमस्ते दुनिया।",
    "สวัสดีชาวโลก",
    "東京は晴れでした。",
    "안녕하세요 여러분",
    "👩‍👩‍👧 family 🎉",
    "This sentence is long enough to be shown in two lines, as most captions of a talk are.",
]
CODES = {  # what is said, and what SubRip and ASS show, which have no escapes
    "a --> b": ("a → b", "a --> b"),
    "x & y &amp; &lrm; z": ("x & y &amp; &lrm; z",) * 2,
    "i < 3 and 5 > 4": ("i < 3 and 5 > 4",) * 2,
    "<i>not <b>bold</b>": ("‹i›not ‹b›bold‹/b›", "<i>not <b>bold</b>"),
    "<v Bob>hi": ("‹v Bob›hi", "<v Bob>hi"),
    "<00:00:03.000>": ("<00:00:03.000>",) * 2,
    r"{\an8}up": ("(⧵an8)up",) * 2,
    "{curly} braces": ("(curly) braces",) * 2,
    r"down \N and \h": (r"down ⧵N and ⧵h",) * 2,
    "42": ("42",) * 2,
    "NOTE this": ("NOTE this",) * 2,
    "STYLE": ("STYLE",) * 2,
    "one, two, three": ("one, two, three",) * 2,
    "WEBVTT": ("WEBVTT",) * 2,
}


def say(texts: Sequence[str], start: float = 10.0) -> list[Caption]:
    return [caption(number, "Host", text, start + number * 9.0) for number, text in enumerate(texts)]


def plain(text: str) -> str:
    """The text without line ends, the marks of right-to-left lines, and FFmpeg's word joiner after backslashes."""
    return " ".join(re.sub("[\u202b\u202c\u2060]", "", text).split())


def decode(path: Path) -> list[tuple[float, float, str]]:
    """Start, end, and the text that FFmpeg gives to a player, which shows it by the rules of ASS."""
    found = []
    with av.open(str(path)) as container:
        for packet in container.demux(subtitles=0):
            for subtitle in packet.decode() if packet.size else ():
                assert isinstance(subtitle, AssSubtitle)
                assert packet.pts is not None
                assert packet.duration is not None
                start, length = packet.pts * packet.time_base, packet.duration * packet.time_base
                text = subtitle.ass.decode().split(",", 8)[8].rstrip()
                text = re.sub(r"(?<!\\)\{[^}]*\}", "", text).replace(r"\N", "\n").replace(r"\{", "{")
                found.append((float(start), float(start + length), text))
    return found


def write(folder: Path, captions: list[Caption], form: str, *, words: bool = False) -> Path:
    path = folder / f"talk.{form}"
    path.write_text(export(captions, form, ExportOptions(words=words)), "utf-8", newline="\n")
    return path


def read_texts(path: Path) -> dict[str, list[str]]:
    """The texts that each library reads."""
    found = {"ffmpeg": [plain(text) for _, _, text in decode(path)]}
    if path.suffix != ".vtt":  # pysubs2 leaves the escapes of WebVTT
        found["pysubs2"] = [plain(event.plaintext) for event in pysubs2.load(str(path))]
    else:
        found["webvtt-py"] = [plain(html.unescape(cue.text)) for cue in webvtt.read(str(path)).captions]
    return found


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("form", ["srt", "vtt", "ass"])
def test_every_script_is_read(form: str, words: bool, tmp_path: Path) -> None:
    for texts in read_texts(write(tmp_path, say(SCRIPTS), form, words=words)).values():
        assert texts == SCRIPTS


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("form", ["srt", "vtt", "ass"])
def test_no_word_is_followed_as_a_code(form: str, words: bool, tmp_path: Path) -> None:
    for reader, texts in read_texts(write(tmp_path, say([*CODES]), form, words=words)).items():
        for said, text in zip(CODES, texts, strict=True):
            shown = {"srt": CODES[said][0], "ass": CODES[said][1], "vtt": said}[form]
            assert text == shown, reader


@pytest.mark.parametrize("form", ["srt", "vtt", "ass"])
def test_times_that_are_said_begin_no_cue(form: str, tmp_path: Path) -> None:
    texts = ["One.", "00:00:01,000 --> 00:00:02,000", "00:00:01.000 --> 00:00:02.000"]
    assert len(decode(write(tmp_path, say(texts), form))) == 3


@pytest.mark.parametrize("form", ["srt", "vtt", "ass"])
def test_the_names_of_speakers_are_no_codes_either(form: str, tmp_path: Path) -> None:
    said = [caption(1, r"<b>{\an8}A-->B", "One.", 1.0), caption(2, "C,\nD", "Two.", 4.0)]
    for texts in read_texts(write(tmp_path, said, form)).values():
        assert len(texts) == 2
        assert (texts[0].endswith("One."), texts[1].endswith("Two.")) == (True, True)


@pytest.mark.parametrize("form", ["srt", "vtt", "ass"])
def test_line_ends_and_controls_end_no_cue(form: str, tmp_path: Path) -> None:
    texts = ["a\r\n\r\n2", "b\u2028c", "d\x00e \x1b", "f\ud800g", "h\x85\n\ni"]
    said = [Caption(f"c{n}", 1, "Host", "en", (Word(text, n, n + 0.5),), (), True) for n, text in enumerate(texts)]
    for read in read_texts(write(tmp_path, said, form)).values():
        assert read == ["a 2", "b c", "d e", "f g", "h i"]


@pytest.mark.parametrize("form", ["srt", "vtt", "ass"])
def test_times_are_read_beyond_thirty_and_a_hundred_hours(form: str, tmp_path: Path) -> None:
    hours = [0.0, 9.999, 10.0, 24.0, 30.0, 99.9] + ([] if form == "ass" else [100.0, 123.4])
    said = [caption(n, "Host", "Here we are.", hour * 3600) for n, hour in enumerate(hours)]
    path = write(tmp_path, said, form)
    assert [start for start, _, _ in decode(path)] == pytest.approx([hour * 3600 for hour in hours])
    if form == "vtt":
        assert [cue.start_in_seconds for cue in webvtt.read(str(path)).captions] == [
            round(hour * 3600) for hour in hours
        ]
    subtitles = pysubs2.load(str(path))
    assert [event.start / 1000 for event in subtitles][:6] == pytest.approx([hour * 3600 for hour in hours][:6])


@pytest.mark.parametrize("form", ["srt", "vtt", "ass"])
def test_overlaps_and_words_of_no_length_are_shown_long_enough_to_be_seen(form: str, tmp_path: Path) -> None:
    def say_at(number: int, source: str, start: float, end: float) -> Caption:
        return Caption(f"c{number}", 1, source, "en", (Word(f"Word{number}", start, end),), (), True)

    said = [
        say_at(1, "Host", 1.0, 1.0),
        say_at(2, "Host", 1.0, 1.0),  # begins with the one before
        say_at(3, "Host", 1.0004, 3.0),
        say_at(4, "Guest", 1.5, 4.0),  # while the host speaks
        say_at(5, "Host", 5.0, 4.0),  # ends before it begins
        say_at(6, "Host", 5.5, 5.6),
        Caption("c7", 1, "Host", "en", (), (), True),
        Caption("c8", 1, "Host", "en", (Word("", 7.0, 8.0),), (), True),
    ]
    cues = decode(write(tmp_path, said, form))
    assert len(cues) == 6
    assert all(end - start >= 0.09 for start, end, _ in cues)
    assert all(before[0] <= after[0] for before, after in pairwise(cues))
    assert [end for _, end, _ in cues] == pytest.approx([1.9, 1.9, 3.0, 4.0, 5.5, 6.4], abs=0.01)


@pytest.mark.parametrize("form", EXPORT_FORMATS)
def test_no_captions_are_a_document_without_text(form: str, tmp_path: Path) -> None:
    text = export([Caption("c1", 1, "Host", "en", (), (), True)], form)
    assert text == export([], form)
    path = tmp_path / f"talk.{form}"
    path.write_text(text, "utf-8")
    if form in ("vtt", "ass"):
        assert decode(path) == []
    if form.endswith("json"):
        json.loads(text)


class Segment(msgspec.Struct, forbid_unknown_fields=True):
    startTime: float
    endTime: float
    body: str
    speaker: str


class Transcript(msgspec.Struct, forbid_unknown_fields=True):
    """`docs/examples/transcripts/transcripts.md` of the podcast namespace."""

    version: str
    segments: list[Segment]


class Chapter(msgspec.Struct, forbid_unknown_fields=True):
    startTime: float
    title: str


class Chapters(msgspec.Struct, forbid_unknown_fields=True):
    """`docs/examples/chapters/jsonChapters.md` of the podcast namespace, without optional fields that are not used."""

    version: str
    chapters: list[Chapter]


@pytest.mark.parametrize("words", [False, True])
def test_podcast_transcripts_follow_the_namespace(words: bool) -> None:
    texts = [*SCRIPTS, *CODES]
    written = msgspec.json.decode(export(say(texts), "podcast.json", ExportOptions(words=words)), type=Transcript)
    assert written.version == "1.0.0"
    assert plain(" ".join(one.body for one in written.segments)) == plain(" ".join(texts))
    assert all(one.startTime <= one.endTime and one.speaker == "Host" for one in written.segments)
    assert all(before.startTime <= after.startTime for before, after in pairwise(written.segments))


def test_podcast_chapters_follow_the_namespace() -> None:
    said = [caption(n, "Host", f"Sentence {n}.", n * 60.0) for n in range(1800)]  # thirty hours
    written = msgspec.json.decode(export(said, "chapters.json"), type=Chapters)
    assert written.version == "1.2.0"
    assert written.chapters[0].startTime == 0.0
    assert all(before.startTime < after.startTime for before, after in pairwise(written.chapters))
