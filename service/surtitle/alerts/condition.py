"""When something has been wrong for long enough to be an alert, and well for long enough to be over. Pure."""

from __future__ import annotations

RECOVERY = 5.0
"""Seconds for which something must be well until its alert is over."""


class Condition:
    """Becomes ``active`` once it has been bad for a while, and inactive once it has been well for ``recovery`` seconds.

    What is bad and well in turns changes nothing, so nobody gets an alert again and again.
    """

    def __init__(self, recovery: float = RECOVERY) -> None:
        self.active = False
        self._recovery = recovery
        self._differs_since: float | None = None

    def update(self, bad: bool | None, after: float, now: float) -> bool | None:
        """Note the state at ``now``, in seconds; None if it is unknown, which restarts the count.

        ``after`` is for how many seconds it must be bad. Returns True if the condition has become active, False if it
        is over, and None if nothing has changed.
        """
        if bad is None or bad is self.active:
            self._differs_since = None
            return None
        if self._differs_since is None:
            self._differs_since = now
        if now - self._differs_since < (self._recovery if self.active else after):
            return None
        self.active, self._differs_since = bad, None
        return bad
