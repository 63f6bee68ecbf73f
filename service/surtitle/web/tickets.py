"""Tickets: a publisher describes what it will send, and gets an address for it that reveals nothing.

They are for programs that write the address to a log, as OBS does. A ticket is valid once, for a short time.
"""

from __future__ import annotations

import secrets
import time

from surtitle.core.errors import BadRequest, TooMany
from surtitle.web.messages import Start

_LIFETIME = 30.0  # seconds
_MAX_TICKETS = 200


class Tickets:
    """Start messages waiting for their audio."""

    def __init__(self) -> None:
        self._starts: dict[str, tuple[float, str, Start]] = {}

    def issue(self, channel: str, start: Start) -> str:
        """Issue a ticket for one source in ``channel``. Raises `TooMany`."""
        now = time.monotonic()
        self._starts = {key: kept for key, kept in self._starts.items() if kept[0] > now}
        if len(self._starts) >= _MAX_TICKETS:
            raise TooMany(f"{_MAX_TICKETS} tickets are already waiting to be used: try again in {_LIFETIME:.0f} s.")
        ticket = secrets.token_urlsafe(16)
        self._starts[ticket] = (now + _LIFETIME, channel, start)
        return ticket

    def is_valid(self, ticket: str) -> bool:
        """Whether a ticket can still be used."""
        return self._starts.get(ticket, (0.0,))[0] > time.monotonic()

    def redeem(self, channel: str, ticket: str) -> Start:
        """Use up a ticket and return the start message it was issued for. Raises `BadRequest`."""
        until, where, start = self._starts.pop(ticket, (0.0, "", Start()))
        if until <= time.monotonic() or where != channel:
            raise BadRequest("This ticket has been used, has expired, or is for another channel: get a new one.")
        return start
