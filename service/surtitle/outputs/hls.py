"""WebVTT segments and playlists beside a video's HLS, as RFC 8216 describes them. Pure.

Segment n has the captions of 6 seconds of the channel's clock, from 6n on. A caption that spans segments is in each.
A segment appears in the playlist when its captions are final, because players load each segment once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from surtitle.captions.caption import Caption
from surtitle.captions.exports import end_times
from surtitle.captions.transcript import export, sort_final

SEGMENT = 6.0
"""Seconds of a segment."""

WINDOW = 30
"""Segments in a playlist."""

AROUND = 60.0
"""Seconds around a segment whose captions decide when its own ones disappear."""

HOLD = 12.0
"""Seconds after which a segment appears."""

_MPEG_WRAP = 1 << 33  # time stamps of MPEG have 33 bits


def available_segments(clock: float) -> range:
    """The numbers of the segments in the playlist when the channel's clock is at ``clock`` seconds."""
    end = max(0, int((clock - HOLD) // SEGMENT))
    return range(max(0, end - WINDOW), end)


def write_playlist(segments: range, began: float, query: str) -> str:
    """The playlist; ``began`` is when the clock was 0, in seconds since 1970. ``query`` is added to each address."""
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:3",
        f"#EXT-X-TARGETDURATION:{SEGMENT:.0f}",
        f"#EXT-X-MEDIA-SEQUENCE:{segments.start}",
    ]
    if segments:
        first = datetime.fromtimestamp(began + segments.start * SEGMENT, UTC).isoformat(timespec="milliseconds")
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{first}")
    for number in segments:
        lines += [f"#EXTINF:{SEGMENT:.3f},", f"seg{number}.vtt{f'?{query}' if query else ''}"]
    return "\n".join(lines) + "\n"


def write_segment(number: int, captions: Iterable[Caption], mpegts: int) -> str:
    """A segment; ``mpegts`` is the video's time stamp, in 90 kHz, at which the channel's clock was 0."""
    begin, end = number * SEGMENT, (number + 1) * SEGMENT
    around = sort_final(
        replace(caption, tentative=(), final=True)
        for caption in captions
        if caption.words and caption.end > begin - AROUND and caption.start < end + AROUND
    )
    head, *cues = export(around, "vtt").rstrip("\n").split("\n\n")
    shown = [
        cue
        for cue, caption, hides in zip(cues, around, end_times(around), strict=True)
        if caption.start < end and hides > begin
    ]
    head += f"\nX-TIMESTAMP-MAP=MPEGTS:{mpegts % _MPEG_WRAP},LOCAL:00:00:00.000"
    return "\n\n".join([head, *shown]) + "\n\n"  # an empty line at the end, for programs that join segments
