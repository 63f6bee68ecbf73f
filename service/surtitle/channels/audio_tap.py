"""Who hears the audio of sources as it came, not only as it is recognized."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from surtitle.audio import Frames
from surtitle.audio.intake import Tap

if TYPE_CHECKING:
    from surtitle.channels.source import Source


class Listener(Protocol):
    """Called in the event loop, and does not wait."""

    def hear(self, source: Source, frames: Frames, rate: int, at: float) -> None:
        """Audio at ``rate`` Hz that begins at ``at`` seconds of the source's clock."""

    def leave(self, source: Source) -> None:
        """The source has ended."""


def tap(source: Source) -> Tap:
    """For one connection: shows the source's listener what comes, and where that is on the source's clock."""
    at: float | None = None

    def show(frames: Frames, rate: int) -> None:
        nonlocal at
        if at is None:
            at = source.received
        if source.listener is not None and not source.ended:
            source.listener.hear(source, frames, rate, at)
        at += len(frames) / rate

    return show
