"""A session: a channel's activity, from its first source until it was at rest for long."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from surtitle.captions.caption import Caption
from surtitle.channels.settings import ChannelSettings
from surtitle.channels.style import Style

ORIGINAL = ""
"""The track of what was said, between those of its translations, which have their language's code."""


@dataclass(frozen=True, slots=True)
class Session:
    """``began`` is when the channel's clock was 0, in seconds since 1970; ``place`` the feed's last place before it.

    ``epoch`` is that of the feed's resume ids, ``prefix`` is what the ids of its captions begin with; in all the
    lives of the service that it has seen lately, newest first, with spaces between.
    """

    id: str
    channel: str
    began: float
    epoch: str
    place: int
    prefix: str


def new_session(channel: str, began: float, epoch: str, place: int, prefix: str) -> Session:
    """With an id that sorts by time and can be a folder's name."""
    day = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return Session(f"{day}-{secrets.token_hex(4)}", channel, began, epoch, place, prefix)


@dataclass(frozen=True, slots=True)
class ResumableSource:
    """A source whose client may still come back: where its first sample is on the channel's clock, and
    how many seconds of its audio are in captions. Both in seconds."""

    name: str
    clock: float
    received: float


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A channel's newest session, as it was when the service ended. ``seen`` is when that was, in seconds since 1970.

    Captions have their places in the feed, by track, in order of these; ``sources`` are by the hash of
    their resume ids.
    """

    session: Session
    seen: float
    tracks: dict[str, list[tuple[int, Caption]]] = field(default_factory=dict)
    sources: dict[str, ResumableSource] = field(default_factory=dict)


def digest(resume: str) -> str:
    """How a resume id is kept: who reads the database cannot take a source over."""
    return hashlib.sha256(resume.encode()).hexdigest()


def number_of(caption: str, prefix: str) -> int:
    """The number in a caption's id; 0 if it has another prefix."""
    begins, _, number = caption.rpartition("-")
    return int(number) if begins == prefix and number.isdecimal() else 0


OnWritten = Callable[[str, int], None]
"""Is told the id and the place of a caption that is written down."""


class Journal(Protocol):
    """Writes down what a channel has to remember. Called in the event loop; only what is read is waited for."""

    def save_settings(self, channel: str, settings: ChannelSettings, styles: Mapping[str, Style]) -> None:
        """The channel's settings or styles have changed."""

    def save_session(self, session: Session) -> None:
        """A session is the channel's newest."""

    def save_caption(self, session: Session, track: str, caption: Caption, place: int, on_written: OnWritten) -> None:
        """A caption has new committed words, or none any more; its event has that place in the feed.

        ``on_written`` is called later, unless something newer was said of the caption, or it could not be written.
        """

    def save_source(self, session: Session, resume: str, name: str, clock: float) -> None:
        """A source has started, with its first sample at ``clock`` on the channel's."""

    def forget_source(self, session: Session, resume: str) -> None:
        """A source has ended."""

    async def load_captions(self, session: Session, track: str, limit: int, after: int) -> list[tuple[int, Caption]]:
        """The newest ``limit`` final captions whose event came after that place, with their places.

        In the order in which they began. Raises `SurtitleError`.
        """

    async def load_caption(self, session: Session, track: str, caption: str) -> tuple[int, Caption] | None:
        """The final caption of that id with its place, if it is written down. Raises `SurtitleError`."""
