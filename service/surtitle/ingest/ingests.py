"""The streams that the service fetches or waits for, started and stopped according to channels' settings."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from surtitle.channels.channel import Channel
from surtitle.channels.hub import Hub
from surtitle.channels.settings import IngestSettings, check_language, clean_name
from surtitle.core.errors import NoSuchIngest, SurtitleError, TooMany
from surtitle.core.wire.ingests import IngestDescription
from surtitle.ingest.address import check_not_listening, mask, parse_address
from surtitle.ingest.checked_http import resolve_public
from surtitle.ingest.hub_sink import HubSink
from surtitle.ingest.ingest import Ingest, IngestStatus
from surtitle.ingest.media_input import open_stream

log = logging.getLogger("surtitle.ingest")

_MAX_INGESTS = 16  # in a channel
_CLOSE_TIMEOUT = 2.0  # seconds for all streams to end when the service stops


class Ingests:
    """Owns one task for each stream of a channel. With ``allow_private``, streams may come from any computer."""

    def __init__(self, hub: Hub, *, allow_private: bool) -> None:
        self._hub = hub
        self._allow_private = allow_private
        self._running: dict[tuple[str, str], tuple[Ingest, asyncio.Task[None]]] = {}  # by channel and id
        self._invalid: dict[tuple[str, str], str] = {}  # why a stored stream cannot run

    async def add(self, channel_name: str, url: str, name: str, language: str | None, *, listen: bool) -> str:
        """Add a stream to a channel, and start it. Returns its id.

        Raises `BadRequest` and `Forbidden` for an address that is not accepted, `NoSuchChannel`, `TooMany`.
        """
        address = parse_address(url, listen=listen)
        if not self._allow_private:
            check_not_listening(address)
            with suppress(OSError):  # a host that is not found now may be found later, and is checked again then
                await asyncio.to_thread(resolve_public, address.host, address.port)
        channel = self._hub.channel(channel_name)
        if len(channel.settings.ingests) >= _MAX_INGESTS:
            raise TooMany(f"A channel may have at most {_MAX_INGESTS} streams: remove one first.")
        added = IngestSettings(
            id=secrets.token_hex(4),
            url=url.strip(),
            name=clean_name(name) or "stream",
            language=check_language(language) if language else None,
            listen=address.listens,
        )
        self._hub.change(channel_name, {"ingests": (*channel.settings.ingests, added)})
        return added.id

    def remove(self, channel_name: str, ingest_id: str) -> None:
        """Stop a stream and remove it. Raises `NoSuchIngest`, `NoSuchChannel`."""
        channel = self._hub.channel(channel_name)
        others = tuple(one for one in channel.settings.ingests if one.id != ingest_id)
        if len(others) == len(channel.settings.ingests):
            raise NoSuchIngest("This stream was removed already: reload the list.")
        self._hub.change(channel_name, {"ingests": others})

    def streams(self, channel: Channel) -> list[IngestDescription]:
        """The streams of a channel."""
        return [self._describe(channel, one) for one in channel.settings.ingests]

    def apply(self, channel: Channel) -> None:
        """Start and stop streams, so that those of the settings run."""
        wanted = {one.id: one for one in channel.settings.ingests}
        for key in [key for key in self._running if key[0] == channel.name and key[1] not in wanted]:
            self._running.pop(key)[1].cancel()
        for one in wanted.values():
            if (channel.name, one.id) not in self._running:
                self._start(channel, one)

    def describe(self, channel: Channel) -> dict[str, Any]:
        """Part of the channel's description: its streams."""
        return {"ingests": self.streams(channel)}

    async def close(self) -> None:
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_TIMEOUT)

    def _start(self, channel: Channel, settings: IngestSettings) -> None:
        key = (channel.name, settings.id)
        try:
            address = parse_address(settings.url, listen=settings.listen and settings.url.startswith(("rtmp:", "srt:")))
        except SurtitleError as error:
            self._invalid[key] = error.message
            return
        ingest = Ingest(
            address.label,
            partial(open_stream, address, self._allow_private),
            HubSink(self._hub, channel.name, settings.name, settings.language),
            listens=address.listens,
            on_change=channel.changes.notify,
        )
        task = asyncio.create_task(ingest.run(), name=f"ingest {channel.name}")
        task.add_done_callback(partial(_log_failure, channel.changes.notify))
        self._running[key] = (ingest, task)

    def _describe(self, channel: Channel, settings: IngestSettings) -> IngestDescription:
        key = (channel.name, settings.id)
        running = self._running.get(key)
        status = running[0].status if running else IngestStatus("failed", self._invalid.get(key, ""))
        return IngestDescription(
            id=settings.id,
            name=settings.name,
            url=mask(settings.url),
            language=settings.language,
            state=status.state,
            message=status.message,
        )


def _log_failure(notify: Callable[[], None], task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("reading a stream failed", exc_info=error)
    notify()
