"""Names given to speakers and sources. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def list_speakers(captions: Iterable[Caption]) -> list[str]:
    """The own names of those who speak in ``captions``, in the order in which they are first heard."""
    found = dict.fromkeys(
        part
        for caption in captions
        for speaker in (caption.speaker or caption.source, *(word.speaker for word in caption.words))
        if speaker
        for part in speaker.split(TOGETHER)
    )
    return list(found)


def _rename_speaker(speaker: str | None, names: Mapping[str, str]) -> str | None:
    """The given name of a speaker, or of each one if several speak at once."""
    if speaker is None:
        return None
    parts = TOGETHER.join(names.get(one, one) for one in speaker.split(TOGETHER))
    return names.get(speaker) or names.get(parts, parts)
