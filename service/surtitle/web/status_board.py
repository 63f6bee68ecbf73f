"""The state of the service and its channels, for all dashboards at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from surtitle.access.tokens import Grant
from surtitle.alerts.alerts import Alerts
from surtitle.bus.bus import Bus
from surtitle.channels.hub import Hub
from surtitle.core.notifier import Notifier
from surtitle.core.wire.access import PageLinks
from surtitle.core.wire.status import ChannelStatus, ServiceBasics
from surtitle.demo import Demo
from surtitle.models.engines import Engines
from surtitle.web.program_control import ProgramControl

log = logging.getLogger("surtitle.web")

_MIN_INTERVAL = 0.2  # seconds between two states: levels move with every piece of audio that arrives
_REFRESH_INTERVAL = 1.0  # seconds after which values are looked at that only time changes, such as the pace of speech


class StatusBoard:
    """Builds the state while somebody watches it: when something has changed, and once for everybody who watches.

    Owns the task that does this. ``store_problem`` returns why settings and captions cannot be saved, or "";
    ``changes`` is notified of what changes in the service. ``program`` is the one that runs it, if any, and ``bus``
    knows the channels of other services.
    """

    def __init__(
        self,
        engines: Engines,
        hub: Hub,
        demo: Demo,
        store_problem: Callable[[], str],
        alerts: Alerts,
        changes: Notifier,
        program: ProgramControl | None = None,
        bus: Bus | None = None,
    ) -> None:
        self.updates = Notifier()
        """Notified of every new state."""
        self._engines = engines
        self._hub = hub
        self._demo = demo
        self._store_problem = store_problem
        self._alerts = alerts
        self._changes = changes
        self._program = program
        self._bus = bus
        self._watchers = 0
        self._watched = asyncio.Event()
        self._service: ServiceBasics | None = None  # the state without channels
        self._channels: dict[str, msgspec.Raw] = {}  # as JSON, by name
        self._messages: dict[str, str] = {}  # the state as JSON, by the channels that a token is for
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="status")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Keep the state up to date for as long as the block runs."""
        self._watchers += 1
        try:
            if self._watchers == 1:
                self._update()
                self._watched.set()
            yield
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._watched.clear()

    def list_channels(self) -> list[ChannelStatus]:
        """The channels of all services that share a bus."""
        local = self._hub.snapshot()
        return self._bus.list_all(local) if self._bus else local

    def channels(self, grant: Grant) -> list[str]:
        """The names of the channels that the grant covers."""
        return [name for name in self._channels if grant.covers(name)]

    def message(self, grant: Grant, links: dict[str, PageLinks] | None) -> str:
        """The state as JSON, with the channels that the grant covers and these ``links``."""
        if links is not None:
            return self._encode(grant, {"links": links})
        if grant.channel not in self._messages:
            self._messages[grant.channel] = self._encode(grant, {})
        return self._messages[grant.channel]

    def _encode(self, grant: Grant, more: dict[str, Any]) -> str:
        channels = [self._channels[name] for name in self.channels(grant)]
        return msgspec.json.encode({**(self._service or {}), "channels": channels, **more}).decode()

    def _update(self) -> None:
        """Build the state, and wake those who watch if it is not the same as before."""
        problem = self._store_problem()
        engine = self._engines.description
        service = ServiceBasics(
            engine=engine["engine"],
            model=engine["model"],
            notice=problem or engine["notice"],
            choice=engine["choice"],
            recipient=engine["recipient"],
            loading=self._engines.loading,
            demo=self._demo.running,
            alerts=self._alerts.of_service,
            program=self._program.describe() if self._program else None,
        )
        channels = {one["name"]: msgspec.Raw(msgspec.json.encode(one)) for one in self.list_channels()}
        if (service, channels) != (self._service, self._channels):
            self._service, self._channels = service, channels
            self._messages.clear()
            self.updates.notify()

    async def _run(self) -> None:
        while True:
            await self._watched.wait()
            seen = self._changes.count
            try:
                self._update()
            except Exception:
                log.exception("the state of the service could not be built")
            await asyncio.sleep(_MIN_INTERVAL)
            await self._changes.wait(seen, _REFRESH_INTERVAL)
