"""Times as people read them."""

from __future__ import annotations


def format_clock(seconds: float) -> str:
    """Seconds as h:mm:ss, rounded down."""
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"
