"""The names that speakers and sources were given. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from surtitle.captions.caption import Caption
from surtitle.core.words import TOGETHER


def named(caption: Caption, names: Mapping[str, str]) -> Caption:
    """The caption as readers get it: ``names`` are by what speakers, or sources without any, are called otherwise."""
    if not names:
        return caption
    words = caption.words
    if any(word.speaker for word in words):
        words = tuple(replace(word, speaker=_renamed(word.speaker, names)) for word in words)
    return replace(caption, words=words, speaker=_renamed(caption.speaker, names) or names.get(caption.source))


def _renamed(speaker: str | None, names: Mapping[str, str]) -> str | None:
    """A speaker by the name that was given; of several who speak at once, each."""
    if speaker is None:
        return None
    parts = TOGETHER.join(names.get(one, one) for one in speaker.split(TOGETHER))
    return names.get(speaker) or names.get(parts, parts)
