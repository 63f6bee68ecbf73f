"""Access to the audio of sources as it was received, before it is resampled for recognition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from surtitle.audio import Frames
from surtitle.audio.intake import Tap

if TYPE_CHECKING:
    from surtitle.channels.source import Source


class AudioListener(Protocol):
    """Receives the audio of sources. Called in the event loop, so it must not block."""

    def hear(self, source: Source, frames: Frames, rate: int, at: float) -> None:
        """Audio at ``rate`` Hz that begins ``at`` seconds after the source's first sample."""

    def leave(self, source: Source) -> None:
        """The source has ended."""


def tap(source: Source) -> Tap:
    """A tap for one connection, which passes its audio and the audio's time to the source's listener."""
    at: float | None = None

    def show(frames: Frames, rate: int, gap: float) -> None:
        nonlocal at
        at = (source.input.received if at is None else at) + gap
        if source.audio_listener is not None and not source.ended:
            source.audio_listener.hear(source, frames, rate, at)
        at += len(frames) / rate

    return show
