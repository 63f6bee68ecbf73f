"""What readers need of a track, whichever service captions it."""

from __future__ import annotations

from typing import Protocol

from surtitle.captions.exports import ExportOptions
from surtitle.channels.feed import Event, Feed
from surtitle.core.wire.captions import TrackHistory


class ReadableTrack(Protocol):
    """A `Track`, or one that follows the track of another service. All methods raise `SurtitleError`."""

    @property
    def feed(self) -> Feed:
        """The newest events. Another feed may take its place, which is `closed` then: readers have to begin again."""

    async def since(self, number: int) -> list[Event]:
        """The events after sequence ``number`` of the feed, oldest first."""

    def on_screen(self) -> list[Event]:
        """The events that a new reader gets first."""

    async def transcript(self, form: str, options: ExportOptions = ExportOptions()) -> str:
        """The final captions in one of the formats of `captions.export`."""

    async def history(self, offset: float = 0.0) -> TrackHistory:
        """The final captions, with the resume id from which a reader continues without a gap."""
