"""The part of a channel's journal that belongs to one track."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from surtitle.captions.caption import Caption
from surtitle.channels.session import Journal, OnWritten, Session


@dataclass(frozen=True, slots=True)
class TrackJournal:
    """Writes and reads the captions of one track in the session that ``session`` returns, the channel's newest.

    Without a session nothing is written.
    """

    journal: Journal
    session: Callable[[], Session | None]
    track: str

    def write(self, caption: Caption, sequence: int, on_written: OnWritten) -> None:
        """Store a caption that has new committed words or has lost all of them. See `Journal.save_caption`."""
        if (session := self.session()) is not None:
            self.journal.save_caption(session, self.track, caption, sequence, on_written)

    async def read(self, limit: int, after: int) -> list[tuple[int, Caption]]:
        """See `Journal.load_captions`."""
        session = self.session()
        return [] if session is None else await self.journal.load_captions(session, self.track, limit, after)

    async def load(self, name: str) -> tuple[int, Caption] | None:
        """See `Journal.load_caption`."""
        session = self.session()
        return None if session is None else await self.journal.load_caption(session, self.track, name)
