"""Arabic and Hebrew subtitles, as a player lays them out that assumes lines from left to right."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from surtitle.captions.exports import ExportOptions
from surtitle.captions.transcript import export
from surtitle.text.bidi import embed_right_to_left, is_right_to_left
from tests.captions.test_transcript import caption
from tests.support import need

SIZE = (640, 120)


@pytest.mark.parametrize("text", ["كيف حالك؟", "שלום, OBS!", "123 مرحبا"])
def test_letters_decide_the_direction(text: str) -> None:
    assert is_right_to_left(text, "en")


@pytest.mark.parametrize("text", ["Hello!", "She said «مرحبا» to us", "123", "", "東京"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert not is_right_to_left(text, "en")
    for form in ("srt", "vtt", "ass"):
        assert "\u202b" not in export([caption(1, "a", text or "-", 1.0)], form)


@pytest.mark.parametrize("language", ["ar", "ar-EG", "fa", "he", "ur", "yi", "ps", "sd", "ckb", "ug", "dv"])
def test_names_in_latin_letters_do_not_turn_a_sentence_around(language: str) -> None:
    assert is_right_to_left("نستخدم OBS Studio على Windows وLinux", language)
    assert not is_right_to_left("OBS Studio!", language)


def test_a_number_without_letters_is_in_the_direction_of_its_language() -> None:
    assert is_right_to_left("123.", "he")
    assert is_right_to_left("(25%)...", "ar")
    assert is_right_to_left("١٠٬٠٠٠.", "auto")
    assert not is_right_to_left("123.", "auto")
    assert not is_right_to_left("...", "he")


@pytest.mark.parametrize("language", ["en", "auto", "az", "ku", "pa", ""])
def test_words_of_another_script_do_not_turn_a_sentence_around(language: str) -> None:
    assert not is_right_to_left("She said «مرحبا» to us", language)


def test_every_line_has_its_marks() -> None:
    assert embed_right_to_left("a\nb") == "\u202ba\u202c\n\u202bb\u202c"
    two = [caption(1, "Guest", "كيف حالك؟", 1.0), caption(2, "Host", "Fine.", 5.0)]
    assert "\n\u202bGuest: كيف حالك؟\u202c\n" in export(two, "srt")
    assert "\n<v Guest>\u202bكيف حالك؟\u202c\n" in export(two, "vtt")
    assert ",,\u202bGuest: كيف حالك؟\u202c\n" in export(two, "ass")
    words = export([caption(1, "a", "كيف حالك؟ " * 12, 1.0)], "ass", ExportOptions(words=True))
    assert words.count("\\N") + 1 == words.count("\u202b") == words.count("\u202c") > 1


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("form", ["srt", "ass"])
@pytest.mark.parametrize("text", ["مرحبا !!!!!!!!!!!!!!!!", "שלום !!!!!!!!!!!!!!!!"])
def test_a_player_shows_the_punctuation_at_the_left(form: str, text: str, words: bool, tmp_path: Path) -> None:
    path = tmp_path / f"talk.{form}"
    path.write_text(export([caption(1, "a", text, 0.0)], form, ExportOptions(words=words)), "utf-8")
    assert _ink_is_upright_at(path, "left")
    plain = path.read_text("utf-8").replace("\u202b", "").replace("\u202c", "").replace(",64,-1\n", ",64,1\n")
    path.write_text(plain, "utf-8")
    assert _ink_is_upright_at(path, "right")  # which is why the marks are there


def _ink_is_upright_at(path: Path, side: str) -> bool:
    """Whether ``side`` of the rendered line has the regular bars of "!!!!", unlike the other."""
    command = [need("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", f"color=black:s={SIZE[0]}x{SIZE[1]}:d=1"]
    command += ["-vf", f"subtitles={path.name}:force_style='Fontname=DejaVu Sans,Outline=0,Shadow=0'", "-frames:v", "1"]
    command += ["-f", "rawvideo", "-pix_fmt", "gray", "-"]
    frame = subprocess.run(command, check=True, capture_output=True, timeout=60, cwd=path.parent).stdout
    columns = np.frombuffer(frame, np.uint8).reshape(SIZE[1], SIZE[0]).max(axis=0) > 60
    inked = np.flatnonzero(columns)
    columns = columns[inked[0] : inked[-1] + 1]
    gaps = np.flatnonzero(np.diff(columns.astype(int)))  # "!!!!" has many, joined letters have few
    middle = len(columns) / 2
    left, right = int((gaps < middle).sum()), int((gaps >= middle).sum())
    return left > right if side == "left" else right > left
