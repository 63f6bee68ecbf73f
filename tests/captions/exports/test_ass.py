from __future__ import annotations

import re
from pathlib import Path

import av

from surtitle.captions.exports import ExportOptions
from surtitle.captions.transcript import export
from tests.captions.test_transcript import ONE, TWO, caption


def dialogues(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("Dialogue:")]


def test_one_voice() -> None:
    assert dialogues(export(ONE, "ass")) == [
        "Dialogue: 0,0:00:00.50,0:00:01.40,Default,Host,0,0,0,,Hello there.",
        "Dialogue: 0,1:01:01.20,1:01:03.60,Default,Host,0,0,0,,How <are> you & yours?",
    ]


def test_each_of_several_voices_has_a_style_and_its_name() -> None:
    text = export(TWO, "ass")
    assert dialogues(text)[1] == "Dialogue: 0,0:00:02.00,0:00:02.90,Voice 2,Guest,0,0,0,,Guest: Fine."
    assert len(set(re.findall(r"^Style: .*?,&H00(\w+),", text, re.MULTILINE))) == 2


def test_words_are_syllables_and_fill_the_line() -> None:
    line = dialogues(export(ONE, "ass", ExportOptions(words=True)))[0]
    assert line.endswith(r",,{\k50}Hello {\k40}there.")
    late = caption(1, "a", "One two three.", 1.0)
    assert sum(map(int, re.findall(r"\\k(\d+)", dialogues(export([late], "ass", ExportOptions(words=True)))[0]))) == 140


def test_text_gives_no_orders() -> None:
    text = dialogues(export([caption(1, "a,b", r"{\an8}up \N down", 1.0)], "ass"))[0]
    assert "{" not in text
    assert "\\" not in text
    assert text.split(",")[4] == "a b"


def test_ffmpeg_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "talk.ass"
    path.write_text(export(TWO, "ass", ExportOptions(words=True)), encoding="utf-8")
    with av.open(str(path)) as container:
        assert container.format.name == "ass"
        packets = [packet for packet in container.demux() if packet.size]
        assert [float((packet.pts or 0) * packet.time_base) for packet in packets] == [0.5, 2.0, 3661.2]
