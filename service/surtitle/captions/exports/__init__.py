"""What transcripts are written as: one file for each kind of format. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from surtitle.captions.caption import Caption
from surtitle.captions.layout import Box

_SHORTEST = 0.9  # seconds a caption stays at least, if the next one leaves it the time


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How a transcript is written: the room of a caption, and whether each word has its time where that can be said."""

    box: Box = field(default_factory=Box)
    words: bool = False


def several(captions: Sequence[Caption]) -> bool:
    """Whether there is more than one voice, so that names say something."""
    return len({caption.voice for caption in captions}) > 1


def ends(captions: Sequence[Caption]) -> list[float]:
    """When each caption leaves: not before it could be read, not after the next of its source begins."""
    found = []
    following: dict[str, float] = {}
    for caption in reversed(captions):
        wished = max(caption.end, caption.start + _SHORTEST)
        found.append(max(caption.start + 0.001, min(wished, following.get(caption.source, wished))))
        following[caption.source] = caption.start
    return found[::-1]
