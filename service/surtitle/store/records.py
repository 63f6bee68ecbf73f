"""What a list of sessions says of them."""

from __future__ import annotations

from dataclasses import dataclass

from surtitle.captions.caption import Caption
from surtitle.channels.session import Session

LIVE = "live"
"""The version of a transcript that was made while people spoke."""

POLISHED = "polished"
"""The version that a second pass made."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A session in a list: ``seen`` is when something was written last, in seconds since 1970; ``last`` where its last
    caption begins on the channel's clock, in seconds; ``beginning`` its first words; ``tracks`` its languages."""

    session: Session
    seen: float
    captions: int
    last: float
    beginning: str
    versions: tuple[str, ...]
    tracks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A caption that has what was searched for."""

    session: str
    version: str
    track: str
    id: str
    start: float
    text: str


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person made of a caption, and the seconds from ``start`` to ``end`` that it was; it may have no words."""

    caption: Caption
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Recording:
    """A source's audio in a file of the recordings' folder; ``clock`` is where its first sample is on the channel's
    clock, in seconds. ``state`` is "running", "done" or "failed", which ``problem`` explains."""

    file: str
    session: str
    source: str
    clock: float
    seconds: float
    state: str
    problem: str = ""
