"""Speakers and sources are called what people call them."""

from __future__ import annotations

from surtitle.captions.caption import Caption
from surtitle.captions.names import apply_names
from surtitle.core.words import TOGETHER, Word

NAMES = {"Speaker 1": "Ada", "Speaker 2": "Grace", "mic": "Host"}


def said(speaker: str | None, source: str = "tab") -> Caption:
    return Caption("c1", 1, source, "en", (Word("Hello", 0.0, 0.5, speaker=speaker),), final=True, speaker=speaker)


def test_each_of_those_who_speak_at_once_has_a_name() -> None:
    caption = apply_names(said(TOGETHER.join(["Speaker 1", "Speaker 2"])), NAMES)
    assert caption.speaker == caption.words[0].speaker == TOGETHER.join(["Ada", "Grace"])


def test_a_source_is_named_where_no_speaker_is_known() -> None:
    assert apply_names(said(None, "mic"), NAMES).speaker == "Host"
    assert apply_names(said("Speaker 3", "mic"), NAMES).speaker == "Speaker 3"
    assert apply_names(said(None), NAMES) == said(None)
