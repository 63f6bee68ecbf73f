"""When a source ends for another reason than its client's wish: at a pause, so that no sentence is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from surtitle.core.errors import SurtitleError, TooLong

_MAX_OVERTIME = 60.0  # seconds after which a source that is to end does not wait for a pause any longer


@dataclass(slots=True)
class _Request:
    """Why a source is to end at the next pause, or at ``deadline`` on the loop's clock."""

    reason: SurtitleError
    deadline: float
    owner: asyncio.Future[None] | None = None


class Departure:
    """Decides when a source is to end: when it has lasted too long, or when its client is refused.

    ``reason`` is why the source is ending, for its client; None until `begin` has found that it is time.
    """

    def __init__(self, max_length: float, now: Callable[[], float]) -> None:
        """``max_length`` is how many seconds a source may last, without limit if 0; ``now`` is the loop's clock."""
        self.reason: SurtitleError | None = None
        self._max_length = max_length
        self._now = now
        self._created = now()
        self._request: _Request | None = None

    @property
    def requested(self) -> bool:
        """Whether the source is to end at the next pause."""
        return self._find_request() is not None

    def request(self, reason: SurtitleError, owner: asyncio.Future[None]) -> None:
        """End the source at the next pause or after a minute, if ``owner`` is still its client."""
        self._request = _Request(reason, self._now() + _MAX_OVERTIME, owner)

    def begin(self, is_held_by: Callable[[asyncio.Future[None]], bool], *, pausing: bool) -> SurtitleError | None:
        """The reason for which the source is to end now, or None; ``is_held_by`` tells whether a client has it."""
        request = self._find_request()
        if request is None or not (pausing or self._now() > request.deadline):
            return None
        if request.owner is not None and not is_held_by(request.owner):
            self._request = None  # another client has resumed the source
            return None
        self.reason = request.reason
        return self.reason

    def _find_request(self) -> _Request | None:
        """The request, which is made here if the source has lasted too long."""
        if self._request is None and 0 < self._max_length < self._now() - self._created:
            reason = TooLong(
                f"This source has lasted {self._max_length:g} s, the limit: start a new one with its resume id."
            )
            self._request = _Request(reason, self._now() + _MAX_OVERTIME)
        return self._request
