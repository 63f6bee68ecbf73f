"""The text that a screen with few lines shows."""

from __future__ import annotations

from surtitle.captions.layout import Box, wrap
from surtitle.channels.track import Track
from surtitle.core.words import join


def screen_text(track: Track, box: Box = Box()) -> str:
    """The newest lines on screen, with tentative words, laid out as an overlay page shows them; may be empty."""
    lines = [
        join(line) for caption in track.visible() for line in wrap((*caption.words, *caption.tentative), box.columns)
    ]
    return "\n".join(lines[-box.lines :])
