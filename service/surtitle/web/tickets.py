"""Tickets: a publisher says what it will send, and gets an address for it that tells nothing.

For programs that write the address into a log: OBS does. A ticket is good once, for a short while.
"""

from __future__ import annotations

import secrets
import time

from surtitle.core.errors import BadRequest, TooMany
from surtitle.web.messages import Start

LIFE = 30.0  # seconds
_MOST = 200


class Tickets:
    """Start messages that wait for their audio."""

    def __init__(self) -> None:
        self._starts: dict[str, tuple[float, str, Start]] = {}

    def issue(self, channel: str, start: Start) -> str:
        """A ticket for one source in ``channel``. Raises `TooMany`."""
        now = time.monotonic()
        self._starts = {key: kept for key, kept in self._starts.items() if kept[0] > now}
        if len(self._starts) >= _MOST:
            raise TooMany(f"{_MOST} tickets wait to be used already: wait {LIFE:.0f} s.")
        ticket = secrets.token_urlsafe(16)
        self._starts[ticket] = (now + LIFE, channel, start)
        return ticket

    def good(self, ticket: str) -> bool:
        """Whether it can still be used."""
        return self._starts.get(ticket, (0.0,))[0] > time.monotonic()

    def redeem(self, channel: str, ticket: str) -> Start:
        """What was said when it was issued. Raises `BadRequest`."""
        until, where, start = self._starts.pop(ticket, (0.0, "", Start()))
        if until <= time.monotonic() or where != channel:
            raise BadRequest("This ticket was used already, is too old, or is for another channel: get a new one.")
        return start
