"""A session: a channel's activity from its first source until it has been idle for long."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from surtitle.captions.caption import Caption
from surtitle.channels.audio_queue import Block
from surtitle.channels.settings import ChannelSettings
from surtitle.channels.style import Style
from surtitle.speakers.timeline import is_numbered

ORIGINAL = ""
"""The name of the track with the original captions; those of translations are called by their language's code."""


@dataclass(frozen=True, slots=True)
class Session:
    """A channel's session.

    ``began`` is when the channel's clock was 0, in seconds since 1970, and ``sequence`` the feed's last sequence
    number before the session. ``epoch`` is that of the feed's resume ids. ``prefix`` holds the prefixes of the
    captions' ids in the last runs of the service, newest first, separated by spaces. ``names`` are those of speakers
    that were found by their voices: they belong to this session only. It is None if the channel's names apply.
    ``restarted`` is the number after which the newest run of the service continued the feed; 0 if it has not.
    """

    id: str
    channel: str
    began: float
    epoch: str
    sequence: int
    prefix: str
    names: Mapping[str, str] | None = None
    restarted: int = 0


def new_session(channel: str, began: float, epoch: str, sequence: int, prefix: str) -> Session:
    """A session with an id that sorts by time and is a valid folder name."""
    day = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return Session(f"{day}-{secrets.token_hex(4)}", channel, began, epoch, sequence, prefix)


@dataclass(frozen=True, slots=True)
class ResumableSource:
    """A source that its client may continue with a new one, as after a restart of the service.

    ``clock`` is the time of its first sample on the channel's clock, and ``received`` the length of its audio that is
    in captions; both in seconds. ``waiting`` is the audio after that, as far as the service has it.
    """

    name: str
    clock: float
    received: float
    waiting: Sequence[Block] = field(default=(), compare=False)

    @property
    def has_speech_waiting(self) -> bool:
        """Whether audio waits of which nothing was recognized; the first block only precedes it."""
        return any(block.samples.size for block in self.waiting[1:])


@dataclass(frozen=True, slots=True)
class StoredSettings:
    """A channel's settings and styles, as stored.

    Fields of later versions are ignored, and missing ones get their defaults.
    """

    settings: ChannelSettings = field(default_factory=ChannelSettings)
    styles: dict[str, Style] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A channel's newest session, as it was when the service ended at ``seen`` seconds since 1970.

    ``tracks`` has the captions with their sequence numbers in the feed, by track and in this order; ``sources`` are
    by the hash of their resume ids.
    """

    session: Session
    seen: float
    tracks: dict[str, list[tuple[int, Caption]]] = field(default_factory=dict)
    sources: dict[str, ResumableSource] = field(default_factory=dict)


def names_in(session: Session, names: Mapping[str, str]) -> Mapping[str, str]:
    """The names of speakers and sources in a session of a channel that has these ``names``."""
    if session.names is None:
        return names
    common = {name: shown for name, shown in names.items() if not is_numbered(name)}
    return {**common, **session.names}


def hash_resume_id(resume: str) -> str:
    """The hash under which a resume id is stored, so that reading the database is not enough to take over a source."""
    return hashlib.sha256(resume.encode()).hexdigest()


def parse_caption_number(caption: str, prefix: str) -> int:
    """The number in a caption's id; 0 if the id has another prefix."""
    begins, _, number = caption.rpartition("-")
    return int(number) if begins == prefix and number.isdecimal() else 0


OnWritten = Callable[[str, int], None]
"""Called with the id and the sequence number of a caption that was stored."""


class Journal(Protocol):
    """Stores a channel's settings, sessions and captions. Called in the event loop; only the load methods wait."""

    def save_settings(self, channel: str, settings: ChannelSettings, styles: Mapping[str, Style]) -> None:
        """Store a channel's settings and styles, which have changed."""

    def save_session(self, session: Session) -> None:
        """Store a session, which is now its channel's newest."""

    def save_caption(
        self, session: Session, track: str, caption: Caption, sequence: int, on_written: OnWritten
    ) -> None:
        """Store a caption that has new committed words or has lost all of them, with its event's sequence number.

        ``on_written`` is called later, unless a newer revision replaces this one or it could not be written.
        """

    def save_source(self, session: Session, resume: str, name: str, clock: float, position: float) -> None:
        """Store a source of a session, with its first sample at ``clock`` seconds on the channel's clock.

        ``position`` seconds of its audio were recognized before the session began.
        """

    def forget_source(self, session: Session, resume: str) -> None:
        """Remove a source of a session that has ended and cannot be resumed."""

    async def flush(self) -> bool:
        """Write everything pending. Returns whether that succeeded."""

    async def take_over(self, channel: str, captions: int) -> tuple[StoredSettings | None, StoredSession | None]:
        """Make this service the only one that writes the channel; returns its settings and session as stored.

        At most ``captions`` captions of each track are loaded. Raises `SurtitleError`.
        """

    async def is_newest(self, session: Session) -> bool:
        """Whether it is its channel's newest stored session. Raises `SurtitleError`."""

    async def load_captions(self, session: Session, track: str, limit: int, after: int) -> list[tuple[int, Caption]]:
        """The newest ``limit`` final captions with sequence numbers after ``after``, with these numbers.

        They are sorted by the time at which they began. Raises `SurtitleError`.
        """

    async def load_caption(self, session: Session, track: str, caption: str) -> tuple[int, Caption] | None:
        """The final caption with that id and its sequence number, if it is stored. Raises `SurtitleError`."""
