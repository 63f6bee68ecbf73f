"""The records that `Transcripts` reads and writes."""

from __future__ import annotations

from dataclasses import dataclass

from surtitle.captions.caption import Caption
from surtitle.captions.fit import Piece
from surtitle.channels.session import Session

LIVE = "live"
"""The version of a transcript that was made live."""

POLISHED = "polished"
"""The version of a transcript that was made by a second pass."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A session in a list.

    ``seen`` is the time of the last write, in seconds since 1970; ``end`` is the end of its newest caption on the
    channel's clock, in seconds; ``beginning`` holds its first words, and ``tracks`` its languages.
    """

    session: Session
    seen: float
    captions: int
    end: float
    beginning: str
    versions: tuple[str, ...]
    tracks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A caption found by a search; ``start`` is in seconds on the channel's clock."""

    session: str
    version: str
    track: str
    id: str
    start: float
    text: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A caption as a person corrected it, which may have no words, and the recognized caption's times in seconds."""

    caption: Caption
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class ObsRecording:
    """A recording that OBS made during a session.

    ``file`` is its path on the computer with OBS, or empty; ``pieces`` relate it to the channel's clock.
    """

    session: str
    number: int
    file: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """The audio of a source in a file of the recordings' folder.

    ``clock`` is the time of its first sample on the channel's clock, in seconds. ``state`` is "running", "done" or
    "failed", which ``problem`` explains. ``stored`` is the size of the complete file in the storage that services
    share, in bytes, or None. ``seen`` is until when a service was recording or storing it, in seconds since 1970; None
    if none does.
    """

    file: str
    session: str
    source: str
    clock: float
    seconds: float
    state: str
    problem: str = ""
    stored: int | None = None
    seen: float | None = None
