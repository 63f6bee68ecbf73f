"""Which captions of a track are on screen. Pure."""

from __future__ import annotations

import math

_LINGER = 4.0  # seconds for which a final caption still appears on a screen that is opened after it


class OnScreen:
    """Open captions and those that became final a moment ago, by their ids. ``now`` is the time on any one clock."""

    def __init__(self) -> None:
        self._shown_at: dict[str, float] = {}  # when each caption changed last
        self._open: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._shown_at

    def show(self, key: str, now: float, *, is_open: bool) -> None:
        """A caption has changed, and is shown as long as it ``is_open``, and for a moment after that."""
        self._shown_at = {one: self._shown_at[one] for one in self.visible(now)}
        self._shown_at[key] = now
        if is_open:
            self._open.add(key)
        else:
            self._open.discard(key)

    def hide(self, key: str) -> None:
        """A caption was withdrawn."""
        self._shown_at.pop(key, None)
        self._open.discard(key)

    def visible(self, now: float) -> list[str]:
        """The captions on screen."""
        return [key for key, when in self._shown_at.items() if now - when < _LINGER or key in self._open]

    def hides_at(self, now: float) -> float:
        """When the next caption leaves the screen by itself; infinity if none does."""
        closed = [self._shown_at[key] for key in self.visible(now) if key not in self._open]
        return min(closed, default=math.inf) + _LINGER

    def clear(self) -> None:
        """Nothing is on screen any more."""
        self._shown_at.clear()
        self._open.clear()
