"""Names given to speakers and sources. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from surtitle.captions.caption import Caption
from surtitle.core.words import TOGETHER


def apply_names(caption: Caption, names: Mapping[str, str]) -> Caption:
    """The caption as readers see it; ``names`` maps the names of speakers, or of sources without any, to others."""
    if not names:
        return caption
    words = caption.words
    if any(word.speaker for word in words):
        words = tuple(replace(word, speaker=_rename_speaker(word.speaker, names)) for word in words)
    return replace(caption, words=words, speaker=_rename_speaker(caption.speaker, names) or names.get(caption.source))


def _rename_speaker(speaker: str | None, names: Mapping[str, str]) -> str | None:
    """The given name of a speaker, or of each one if several speak at once."""
    if speaker is None:
        return None
    parts = TOGETHER.join(names.get(one, one) for one in speaker.split(TOGETHER))
    return names.get(speaker) or names.get(parts, parts)
