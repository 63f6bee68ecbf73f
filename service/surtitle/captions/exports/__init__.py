"""Export formats of transcripts, one module for each kind. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from surtitle.captions.caption import Caption
from surtitle.captions.layout import Box

MAX_OFFSET = 1e6
"""Seconds by which an export can be shifted: eleven days."""

_MIN_DURATION = 0.9  # seconds for which a caption is shown, unless the next one begins earlier
_VISIBLE = 0.1  # seconds; a caption is not cut to less, because players would not show it


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Export options.

    ``box`` is the size of a caption, ``words`` whether each word gets its time if the format can hold it, and
    ``offset`` the seconds that are added to all times.
    """

    box: Box = field(default_factory=Box)
    words: bool = False
    offset: float = 0.0


def has_several_voices(captions: Sequence[Caption]) -> bool:
    """Whether there is more than one voice, so that names are useful."""
    return len({caption.voice for caption in captions}) > 1


def end_times(captions: Sequence[Caption]) -> list[float]:
    """The time at which each caption disappears: late enough to read it, but before the next one of its source.

    Captions of one source that begin at almost the same time are shown together.
    """
    found = []
    following: dict[str, list[float]] = {}  # starts of a source's later captions, latest first, as far as needed
    for caption in reversed(captions):
        wanted = max(caption.end, caption.start + _MIN_DURATION)
        starts = following.get(caption.source, [])
        limits = [start for start in starts if start >= caption.start + _VISIBLE]
        found.append(min(wanted, limits[-1]) if limits else wanted)
        following[caption.source] = [*starts[max(0, len(limits) - 1) :], caption.start]
    return found[::-1]
