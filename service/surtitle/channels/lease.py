"""The lease of a source: which client is connected to it, and how long it waits for a client that is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from surtitle.core.errors import Replaced, SurtitleError
from surtitle.core.settings import Limits


class Lease:
    """At most one client has a source. Owns the timer that runs while the client is away.

    ``on_change`` is called when a client has connected or is away. ``on_silence`` is called when the client has been
    away for a moment, so that its last words become final. ``on_expired`` is awaited when it did not return in time.
    """

    def __init__(
        self,
        limits: Limits,
        on_change: Callable[[], None],
        on_silence: Callable[[], None],
        on_expired: Callable[[], Awaitable[None]],
    ) -> None:
        self._limits = limits
        self._on_change = on_change
        self._on_silence = on_silence
        self._on_expired = on_expired
        self._owner: asyncio.Future[None] | None = None
        self._grace: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def attached(self) -> bool:
        """Whether a client is connected."""
        return self._owner is not None

    def attach(self) -> asyncio.Future[None]:
        """Connect a client. The future that is returned fails when the client loses the source."""
        self.disconnect(Replaced("This source was resumed on another connection: close this one."))
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        self._owner = asyncio.get_running_loop().create_future()
        self._on_change()
        return self._owner

    def is_held_by(self, owner: asyncio.Future[None]) -> bool:
        """Whether the client that got this future has the source."""
        return owner is self._owner

    def disconnect(self, reason: SurtitleError) -> None:
        """Disconnect the client, with a reason."""
        if self._owner is not None and not self._owner.done():
            self._owner.set_exception(reason)
            self._owner.exception()  # marks the exception as retrieved, in case nobody awaits the future

    def detach(self, owner: asyncio.Future[None]) -> None:
        """Note that the client is gone; unless it returns in time, the lease expires."""
        if owner is not self._owner or self._closed:
            return
        self._owner = None
        self._grace = asyncio.create_task(self._wait_for_client(), name="grace")
        self._on_change()

    def close(self) -> None:
        """Note that the source has ended, so nobody can return to it."""
        self._closed = True
        if self._grace is not None:
            self._grace.cancel()

    async def cancel(self) -> None:
        """Stop waiting for the client, unless it is the end of that wait that calls this."""
        if self._grace is not None and self._grace is not asyncio.current_task():
            self._grace.cancel()
            with suppress(asyncio.CancelledError):
                await self._grace

    async def _wait_for_client(self) -> None:
        await asyncio.sleep(self._limits.detached_flush)
        self._on_silence()
        await asyncio.sleep(self._limits.resume_window - self._limits.detached_flush)
        await self._on_expired()
