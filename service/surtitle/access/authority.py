"""Decides in a running service which tokens are accepted, and ends connections whose token is revoked or expires."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from surtitle.access import tokens
from surtitle.access.rate_limit import RateLimiter
from surtitle.access.token_store import IssuedTokens, TokenStoreError
from surtitle.access.tokens import EVERYTHING, Grant, Scope, describe_channels
from surtitle.core.errors import Forbidden, SurtitleError, TokenExpired, TooMany, Unauthorized
from surtitle.core.settings import Settings

log = logging.getLogger("surtitle.access")

# Seconds between two checks for revoked and expired tokens. Nothing can wake this task: `surtitle token revoke` writes
# to the SQLite file in a process of its own, and SQLite does not tell other processes. Other services write to the
# database that they share with this one.
_POLL_INTERVAL = 1.0
_YEAR = 365 * 86_400.0
LINKS = {
    "viewer": (Scope.VIEW, 30 * 86_400.0),
    "overlay": (Scope.VIEW, 5 * _YEAR),
    "speak": (Scope.PUBLISH, 86_400.0),
}
"""The purposes of links, with their scopes and lifetimes in seconds: OBS keeps an address for years."""


class TokenAuthority:
    """Issues and checks tokens. Owns the task that finds revoked and expired tokens of open connections."""

    def __init__(self, settings: Settings, token_store: IssuedTokens) -> None:
        self.guarded = settings.guarded
        self.token_store = token_store
        self._secret = settings.access.secret or ""
        self._failures = RateLimiter(settings.limits.failures)
        self._revoked: frozenset[str] = frozenset()
        self._watched: dict[object, tuple[Grant, Callable[[SurtitleError], None]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._links: dict[tuple[str, str], Grant] = {}

    def start(self) -> None:
        """Start checking for revoked tokens. Must be called in the event loop."""
        if self.guarded:
            self._revoked = self.token_store.revoked_ids()
            self._task = asyncio.create_task(self._poll_revocations(), name="revocations")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await asyncio.to_thread(self.token_store.close)

    def admit(self, presented: Iterable[str], scope: Scope, channel: str | None, address: str) -> Grant:
        """The grant of the first of the ``presented`` tokens that is sufficient.

        ``channel`` None stands for something that no single channel owns. ``address`` is the client's IP address, by
        which refused tokens are limited; requests without one are not. Raises `Unauthorized`, `Forbidden`, `TooMany`.
        """
        if not self.guarded:
            return EVERYTHING
        error: SurtitleError | None = None
        for token in presented:
            try:
                grant = self._valid(token)
            except Unauthorized as reason:
                error = reason
                continue
            if grant.scope >= scope and (channel is None or grant.covers(channel)):
                return grant
            error = Forbidden(
                f"This token allows {grant.scope.name.lower()} in "
                f"{describe_channels(grant.channel)}: "
                f"use one that allows {scope.name.lower()}{f' in {channel[:64]!r}' if channel else ''}."
            )
        if error is None:
            raise Unauthorized("A token is required: ask for a link, or create a token with `surtitle token`.")
        if not self._failures.take(address):
            raise TooMany("Too many invalid tokens came from this address: wait a minute, then send a valid one.")
        raise error

    def peek(self, token: str) -> Grant | None:
        """The grant of a token; None if the token is not valid."""
        try:
            return self._valid(token)
        except Unauthorized:
            return None

    @contextmanager
    def watch_grant(self, grant: Grant, on_end: Callable[[SurtitleError], None]) -> Iterator[None]:
        """Call ``on_end`` once if the grant is revoked or expires (`TokenExpired`) while the block runs."""
        if grant is EVERYTHING:
            yield
            return
        key = object()
        self._watched[key] = (grant, on_end)
        try:
            yield
        finally:
            self._watched.pop(key, None)

    def issue(self, scope: Scope, channel: str, seconds: float, name: str) -> Grant:
        """A new token, valid for ``seconds``, which is added to the store. Blocks. Raises `TokenStoreError`."""
        grant = tokens.issue(self._secret, scope, channel, seconds)
        self.token_store.add(grant, name)
        return grant

    def get_link_grant(self, channel: str, purpose: str) -> Grant:
        """A token for the links of a channel: the same one until half of its lifetime is over. Blocks.

        Raises `TokenStoreError`.
        """
        grant, (scope, lifetime) = self._links.get((channel, purpose)), LINKS[purpose]
        if grant is None or grant.id in self._revoked or grant.expires - time.time() < lifetime / 2:
            grant = self._links[channel, purpose] = self.issue(scope, channel, lifetime, f"{purpose} link")
        return grant

    def _valid(self, token: str) -> Grant:
        grant = tokens.decode(self._secret, token)
        if grant.id in self._revoked:
            raise Unauthorized("This token was revoked: ask for a new one.")
        return grant

    async def _poll_revocations(self) -> None:
        problem = ""
        while True:
            try:
                self._revoked = await asyncio.to_thread(self.token_store.revoked_ids)
                problem = ""
            except TokenStoreError as error:
                if problem != error.message:
                    log.error("%s", error)
                problem = error.message
            now = time.time()
            for key, (grant, on_end) in list(self._watched.items()):
                revoked = grant.id in self._revoked
                if revoked or grant.expires <= now:
                    del self._watched[key]
                    on_end(
                        Unauthorized("The token of this connection was revoked: ask for a new one.")
                        if revoked
                        else TokenExpired("The token of this connection has expired: ask for a new one.")
                    )
            await asyncio.sleep(_POLL_INTERVAL)
