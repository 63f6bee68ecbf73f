"""A track's pages of the channel's journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from surtitle.captions.caption import Caption
from surtitle.channels.session import Journal, Session, Written


@dataclass(frozen=True, slots=True)
class Pages:
    """``session`` gives the channel's newest, to which everything belongs; without one nothing is written."""

    journal: Journal
    session: Callable[[], Session | None]
    track: str

    def write(self, caption: Caption, place: int, written: Written) -> None:
        """A caption has new committed words, or none any more. See `Journal.said`."""
        if (session := self.session()) is not None:
            self.journal.said(session, self.track, caption, place, written)

    async def read(self, limit: int, after: int) -> list[tuple[int, Caption]]:
        """See `Journal.kept`."""
        session = self.session()
        return [] if session is None else await self.journal.kept(session, self.track, limit, after)

    async def find(self, name: str) -> tuple[int, Caption] | None:
        """See `Journal.find`."""
        session = self.session()
        return None if session is None else await self.journal.find(session, self.track, name)
