"""Transcripts that grow caption by caption are the same as exports, or say that they have to be written again."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from surtitle.captions.caption import Caption
from surtitle.captions.exports.growing import GROWING_FORMATS, GrowingTranscript
from surtitle.captions.transcript import export
from tests.captions.test_transcript import caption


def grow(captions: list[Caption], before: list[Caption]) -> tuple[GrowingTranscript, dict[str, str]]:
    transcript = GrowingTranscript()
    texts = transcript.restart(before)
    for one in captions:
        for form, text in transcript.append(one).items():
            texts[form] += text
    return transcript, texts


SAID = [
    caption(1, "Host", "Good evening.", 1.0),
    caption(2, "Host", "This is a sentence that is too long for one line of a caption.", 3.0),
    caption(3, "Host", "مرحبا كيف حالك؟", 20.0),
    caption(4, "Host", "<b>{x}", 30.0),
]


@pytest.mark.parametrize("known", range(5))
def test_appended_captions_make_an_export(known: int) -> None:
    transcript, texts = grow(SAID[known:], SAID[:known])
    assert not transcript.different
    assert texts == {form: export(SAID, form) for form in GROWING_FORMATS}


def test_names_continue() -> None:
    said = [replace(one, source=name) for one, name in zip(SAID, ["Host", "Guest", "Guest", "Host"], strict=True)]
    transcript, texts = grow(said[2:], said[:2])
    assert not transcript.different
    assert texts == {form: export(said, form) for form in GROWING_FORMATS}


@pytest.mark.parametrize(
    "change",
    [
        replace(SAID[1], rev=2, words=SAID[1].words[:3]),  # a correction
        replace(SAID[1], rev=2, words=()),  # a removal
        replace(SAID[1], rev=2, speaker="Ada"),
        caption(5, "Host", "Earlier.", 10.0),
        caption(5, "Guest", "Another voice.", 40.0),
        caption(5, "Host", "While the one before is still shown.", 30.5),
    ],
)
def test_other_changes_need_all_to_be_written_again(change: Caption) -> None:
    transcript, texts = grow([change], SAID)
    assert transcript.different
    if change.id == "c5":  # it is there all the same
        assert change.text in texts["txt"]
        assert f"\n5\n00:00:{int(change.start)}," in texts["srt"]
    said = [one for one in SAID if one.id != change.id] + [change]
    assert transcript.restart(said) == {form: export(said, form) for form in GROWING_FORMATS}
    assert not transcript.different


def test_what_is_known_or_open_or_empty_changes_nothing() -> None:
    extra = [SAID[2], replace(SAID[0], id="c9", final=False), replace(SAID[0], id="c8", words=())]
    transcript, texts = grow(extra, SAID)
    assert not transcript.different
    assert texts == {form: export(SAID, form) for form in GROWING_FORMATS}


def test_whatever_is_said_the_files_are_exports_unless_they_are_different() -> None:
    chance = random.Random(1)
    different = 0
    for _ in range(200):
        said: list[Caption] = []
        start = 0.0
        for number in range(8):
            start = max(0.0, start + chance.uniform(-0.5, 4.0))
            said.append(caption(number, chance.choice(["Host", "Host", "Guest"]), "One two three.", start))
        transcript, texts = grow(said[3:], said[:3])
        different += transcript.different
        assert transcript.different or texts == {form: export(said, form) for form in GROWING_FORMATS}
    assert 0 < different < 200
