"""The gate of a running service: who may pass, and who has to go when a token counts no more."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from surtitle.access import tokens
from surtitle.access.rate_limit import RateLimiter
from surtitle.access.token_store import LedgerError, TokenStore
from surtitle.access.tokens import EVERYTHING, Grant, Scope
from surtitle.core.errors import Forbidden, SurtitleError, TooMany, Unauthorized
from surtitle.core.settings import Settings

log = logging.getLogger("surtitle.access")

_POLL_INTERVAL = 1.0  # seconds between two looks at what was revoked
_YEAR = 365 * 86_400.0
LINKS = {"viewer": 30 * 86_400.0, "overlay": 5 * _YEAR}
"""What links are made for, and how long they last, in seconds: OBS keeps an address for years."""


class TokenAuthority:
    """Owns the task that looks for tokens that were revoked or have expired while somebody was connected by them."""

    def __init__(self, settings: Settings, token_store: TokenStore) -> None:
        self.guarded = settings.guarded
        self.token_store = token_store
        self._secret = settings.access.secret or ""
        self._failures = RateLimiter(settings.limits.failures)
        self._revoked: frozenset[str] = frozenset()
        self._held: dict[object, tuple[Grant, Callable[[SurtitleError], None]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._links: dict[tuple[str, str], Grant] = {}

    def start(self) -> None:
        """Begin to look. Needs the event loop."""
        if self.guarded:
            self._revoked = self.token_store.revoked()
            self._task = asyncio.create_task(self._watch(), name="gate")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await asyncio.to_thread(self.token_store.close)

    def admit(self, shown: Iterable[str], scope: Scope, channel: str | None, address: str) -> Grant:
        """The grant by which somebody may pass who shows these tokens; the first that will do.

        ``channel`` None is what every channel has its part in. Raises `Unauthorized`, `Forbidden`, `TooMany`.
        """
        if not self.guarded:
            return EVERYTHING
        error: SurtitleError = Unauthorized("This needs a token: ask for a link, or get one by `surtitle token`.")
        for token in shown:
            try:
                grant = self._valid(token)
            except Unauthorized as reason:
                error = reason
                continue
            if grant.scope >= scope and (channel is None or grant.covers(channel)):
                return grant
            error = Forbidden(
                f"This token is for {grant.scope.name.lower()} in "
                f"{'all channels' if grant.channel == tokens.EVERY else f'the channel {grant.channel[:64]!r}'}, "
                f"and this needs {scope.name.lower()}{f' in {channel[:64]!r}' if channel else ''}."
            )
        if not self._failures.take(address):
            raise TooMany("Too many tokens were refused at this address: wait a minute, then show a valid one.")
        raise error

    def peek(self, token: str) -> Grant | None:
        """What a token allows, if it counts."""
        try:
            return self._valid(token)
        except Unauthorized:
            return None

    @contextmanager
    def holding(self, grant: Grant, lose: Callable[[SurtitleError], None]) -> Iterator[None]:
        """``lose`` is called, once, if the grant ends while the block runs."""
        if grant is EVERYTHING:
            yield
            return
        key = object()
        self._held[key] = (grant, lose)
        try:
            yield
        finally:
            self._held.pop(key, None)

    def give(self, scope: Scope, channel: str, seconds: float, name: str) -> Grant:
        """A new token, noted in the ledger; blocks, for threads. Raises `LedgerError`."""
        grant = tokens.issue(self._secret, scope, channel, seconds)
        self.token_store.add(grant, name)
        return grant

    def link(self, channel: str, purpose: str) -> Grant:
        """A view token for the links of a channel: the same one until half its time is over. Blocks.

        Raises `LedgerError`.
        """
        kept, lasts = self._links.get((channel, purpose)), LINKS[purpose]
        if kept is None or kept.id in self._revoked or kept.expires - time.time() < lasts / 2:
            kept = self._links[channel, purpose] = self.give(Scope.VIEW, channel, lasts, f"{purpose} link")
        return kept

    def _valid(self, token: str) -> Grant:
        grant = tokens.read(self._secret, token)
        if grant.id in self._revoked:
            raise Unauthorized("This token was revoked: ask for a new one.")
        return grant

    async def _watch(self) -> None:
        problem = ""
        while True:
            try:
                self._revoked = await asyncio.to_thread(self.token_store.revoked)
                problem = ""
            except LedgerError as error:
                if problem != error.message:
                    log.error("%s", error)
                problem = error.message
            now = time.time()
            for key, (grant, lose) in list(self._held.items()):
                revoked = grant.id in self._revoked
                if revoked or grant.expires <= now:
                    del self._held[key]
                    what = "was revoked" if revoked else "has expired"
                    lose(Unauthorized(f"The token of this connection {what}: ask for a new one."))
            await asyncio.sleep(_POLL_INTERVAL)
