"""The alerts of all channels and of the service: finds them, shows them on dashboards, and sends them."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surtitle.alerts.channel_watch import AlertChange, ChannelWatch
from surtitle.alerts.condition import Condition
from surtitle.alerts.sender import AlertSender
from surtitle.alerts.source_conditions import SourceReport
from surtitle.channels.channel import Channel
from surtitle.channels.hub import Hub
from surtitle.channels.settings import AlertSettings
from surtitle.channels.source import Source
from surtitle.core.errors import AlertNotSent, BadRequest
from surtitle.core.notifier import Notifier
from surtitle.core.wire.alerts import Alert, AlertKind, AlertMessage, AlertState, AlertStatus
from surtitle.outputs.manager import OutputManager
from surtitle.outputs.state import TargetError

log = logging.getLogger("surtitle.alerts")

_INTERVAL = 1.0  # seconds between two looks at the sources
_IDLE_TIMEOUT = 60.0  # seconds to wait for a change before looking again, in any case
_DISK_INTERVAL = 30.0  # seconds between two looks at the disk
_DISK_TIMEOUT = 20.0  # seconds for the disk to answer
_ENOUGH = 1.25  # times the limit: above that, the alert of the disk is over


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """What the person who started the service has set.

    An alert is raised if less than ``free_disk`` bytes are free in ``folder``. ``allow_private``: alerts may be sent to
    addresses that are not public, or not encrypted. ``unwatched`` are channels of which no alerts are raised.
    """

    folder: Path | None = None
    free_disk: int = 0
    allow_private: bool = False
    unwatched: Collection[str] = ()


@dataclass(slots=True)
class _Entry:
    """What belongs to a channel; ``seen`` are its sources by name, also those that were lost."""

    watch: ChannelWatch = field(default_factory=ChannelWatch)
    seen: dict[str, Source] = field(default_factory=dict)
    active: dict[tuple[AlertKind, str], Alert] = field(default_factory=dict)
    sender: AlertSender | None = None
    sending: asyncio.Task[None] | None = None


class Alerts:
    """Owns the tasks that look at sources, outputs and the disk, and one for each channel that has a target."""

    def __init__(
        self, hub: Hub, outputs: OutputManager, changes: Notifier, policy: AlertPolicy = AlertPolicy()
    ) -> None:
        """``changes`` is notified of what changes in the service."""
        self._hub = hub
        self._outputs = outputs
        self._changes = changes
        self._policy = policy
        self._entries: dict[Channel, _Entry] = {}
        self._disk = Condition()
        self._disk_alert: Alert | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping: set[asyncio.Task[None]] = set()

    @property
    def of_service(self) -> list[Alert]:
        """The alerts that concern no channel in particular."""
        return [self._disk_alert] if self._disk_alert else []

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._watch_channels(), name="alerts"),
            asyncio.create_task(self._watch_disk(), name="alerts of the disk"),
        ]

    async def close(self) -> None:
        tasks = [*self._tasks, *self._stopping, *(one.sending for one in self._entries.values() if one.sending)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def apply(self, channel: Channel) -> None:
        """Send alerts to the target of the channel's settings."""
        settings, entry = channel.settings.alerts, self._entries.get(channel)
        before = entry.sender.settings if entry and entry.sender else AlertSettings()
        if (settings.kind, settings.url, settings.secret) == (before.kind, before.url, before.secret):
            return
        entry = self._entries.setdefault(channel, _Entry())
        if entry.sending is not None:
            entry.sending.cancel()
            self._stopping.add(entry.sending)
            entry.sending.add_done_callback(self._stopping.discard)
        entry.sender = entry.sending = None
        if settings.url:
            entry.sender = self._create_sender(channel)
            entry.sending = asyncio.create_task(entry.sender.run(), name=f"send alerts {channel.name}")

    def describe(self, channel: Channel) -> dict[str, Any]:
        """Part of the channel's description: its alerts, and why they cannot be sent."""
        entry = self._entries.get(channel) or _Entry()
        problem = entry.sender.problem if entry.sender else ""
        return {"alerts": AlertStatus(active=list(entry.active.values()), problem=problem)}

    async def send_test(self, channel: Channel) -> None:
        """Send an alert that says nothing is wrong. Raises `BadRequest` without a target, and `AlertNotSent`."""
        if not channel.settings.alerts.url:
            raise BadRequest("alerts.url: there is no address to send alerts to: enter one first.")
        alert = _create_alert("test", "", "This is a test: alerts of this channel arrive.")
        try:
            await self._create_sender(channel).send(_build_message(alert, channel.name, "recovered"))
        except TargetError as error:
            raise AlertNotSent(str(error)) from error

    def _create_sender(self, channel: Channel) -> AlertSender:
        allow_private = self._policy.allow_private
        return AlertSender(channel.settings.alerts, allow_private=allow_private, on_change=channel.changes.notify)

    async def _watch_channels(self) -> None:
        while True:
            seen = self._changes.count
            busy = True
            try:
                busy = self._check_channels(time.monotonic())
            except Exception:
                log.exception("looking for what alerts are about failed")
            if busy:
                await asyncio.sleep(_INTERVAL)
            else:
                await self._changes.wait(seen, _IDLE_TIMEOUT)

    def _check_channels(self, now: float) -> bool:
        """Look at all channels; False if there is nothing to look at for now."""
        if self._hub.stopping:
            return False
        live = {one.channel for one in self._hub.sources} | {one.channel for one in self._hub.text_sources}
        watched = {channel for channel, entry in self._entries.items() if not entry.watch.idle}
        for channel in live | watched:
            if channel.name not in self._policy.unwatched:
                self._check_channel(channel, now, live=channel in live)
        return bool(live or watched)

    def _check_channel(self, channel: Channel, now: float, *, live: bool) -> None:
        entry = self._entries.setdefault(channel, _Entry())
        entry.seen |= {one.name: one for one in self._hub.sources.of(channel)}
        entry.seen = {name: one for name, one in entry.seen.items() if not one.ended or one.lost or one.error}
        reports = [_report(source) for source in entry.seen.values()]
        outputs = self._outputs.statuses(channel)
        changes = entry.watch.check(reports, outputs, channel.settings.alerts, now, live=live)
        entry.seen = {name: one for name, one in entry.seen.items() if name in entry.watch.sources}
        for change in changes:
            self._announce(channel, entry, change)
        if entry.watch.idle and entry.sender is None:
            del self._entries[channel]

    def _announce(self, channel: Channel, entry: _Entry, change: AlertChange) -> None:
        """Show an alert that begins or is over, and let it be sent."""
        key = change.kind, change.key
        if change.raised:
            alert = entry.active[key] = _create_alert(change.kind, change.subject, change.message)
            log.warning("%s: %s", channel.name, change.message)
        else:
            alert = _end_alert(entry.active.pop(key, None), change.kind, change.subject, change.message)
            log.info("%s: %s", channel.name, change.message)
        if entry.sender is not None:
            entry.sender.put(_build_message(alert, channel.name, "raised" if change.raised else "recovered"))
        channel.changes.notify()

    async def _watch_disk(self) -> None:
        folder, limit = self._policy.folder, self._policy.free_disk
        while folder is not None and limit > 0:
            with suppress(OSError, TimeoutError):  # a disk that does not answer is not full
                async with asyncio.timeout(_DISK_TIMEOUT):
                    free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
                self._note_free_disk(free, limit, time.monotonic())
            await asyncio.sleep(_DISK_INTERVAL)

    def _note_free_disk(self, free: int, limit: int, now: float) -> None:
        bad = True if free < limit else False if free > limit * _ENOUGH else None
        raised = self._disk.update(bad, 0.0, now)
        if raised is None:
            return
        if raised:
            message = f"Only {free / 1e9:.1f} GB are free on the disk of the data folder: remove files or recordings."
            alert = self._disk_alert = _create_alert("disk", "", message)
            log.warning("%s", message)
        else:
            message = f"There is space on the disk again: {free / 1e9:.1f} GB are free."
            alert = _end_alert(self._disk_alert, "disk", "", message)
            self._disk_alert = None
        for sender in self._list_targets():
            sender.put(_build_message(alert, None, "raised" if raised else "recovered"))
        self._changes.notify()

    def _list_targets(self) -> Iterator[AlertSender]:
        """One sender for each address, also if several channels have it."""
        targets = {one.sender.settings.url: one.sender for one in self._entries.values() if one.sender}
        yield from targets.values()


def _report(source: Source) -> SourceReport:
    """What the source is like now; one that has ended was lost, as no others are seen then."""
    return SourceReport(
        name=source.name,
        connected=source.lease.attached,
        lost=source.ended,
        seconds=source.input.received,
        level=source.stats.level,
        speaking=source.speaking,
        words=source.stats.words,
        lag=max(source.stats.lag, source.input.waiting) if source.input.live else 0.0,
        ignored=source.channel.paused,
        standby=source.standby,
    )


def _create_alert(kind: AlertKind, subject: str, message: str) -> Alert:
    return Alert(id=secrets.token_hex(4), kind=kind, subject=subject, since=round(time.time(), 3), message=message)


def _end_alert(raised: Alert | None, kind: AlertKind, subject: str, message: str) -> Alert:
    """The alert that was raised, with the ``message`` that it is over."""
    alert = raised or _create_alert(kind, subject, message)
    return Alert(**{**alert, "message": message})


def _build_message(alert: Alert, channel: str | None, state: AlertState) -> AlertMessage:
    return AlertMessage(event="alert", channel=channel, state=state, **alert)
