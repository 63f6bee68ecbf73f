"""One track's part of its channel's journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from surtitle.captions.caption import Caption
from surtitle.channels.session import Journal, OnWritten, Session


@dataclass(frozen=True, slots=True)
class TrackJournal:
    """``session`` gives the channel's newest, to which everything belongs; without one nothing is written."""

    journal: Journal
    session: Callable[[], Session | None]
    track: str

    def write(self, caption: Caption, place: int, on_written: OnWritten) -> None:
        """A caption has new committed words, or none any more. See `Journal.save_caption`."""
        if (session := self.session()) is not None:
            self.journal.save_caption(session, self.track, caption, place, on_written)

    async def read(self, limit: int, after: int) -> list[tuple[int, Caption]]:
        """See `Journal.load_captions`."""
        session = self.session()
        return [] if session is None else await self.journal.load_captions(session, self.track, limit, after)

    async def load(self, name: str) -> tuple[int, Caption] | None:
        """See `Journal.load_caption`."""
        session = self.session()
        return None if session is None else await self.journal.load_caption(session, self.track, name)
