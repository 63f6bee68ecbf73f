"""The engine that lets a cloud recognize speech."""

from __future__ import annotations

import asyncio
import logging

from surtitle.core.errors import ModelError
from surtitle.speech.cloud.errors import CloudError, CloudRefused
from surtitle.speech.cloud.loop import EventLoopThread
from surtitle.speech.cloud.service import CloudService
from surtitle.speech.cloud.stream import CloudStream
from surtitle.speech.engine import Hints
from surtitle.speech.scheduler import Scheduler
from surtitle.text.languages import AUTO

log = logging.getLogger("surtitle.cloud")

_TURNS = 32  # sources that may wait for the cloud at a time: waiting needs no processor
_CHECK_TIMEOUT = 30.0  # seconds


class CloudEngine:
    """One model of a cloud, with an event loop for the connections of all sources."""

    step = 1.0

    def __init__(self, service: CloudService, model: str) -> None:
        """``model`` is its name with the kind, such as "deepgram:nova-3"."""
        self.name = service.cloud.name
        self.model = model
        self.languages = service.cloud.languages
        self.recipient = service.name.recipient
        self.scheduler = Scheduler(_TURNS)
        self._service = service
        self._loop = EventLoopThread(f"{self.name} connections")

    def check(self) -> None:
        """Connect once, without sending sound. Raises `ModelError` if the cloud refuses; it may be unreachable."""
        try:
            self._loop.run(self._connect_once(), _CHECK_TIMEOUT)
        except CloudRefused as error:
            raise ModelError(error.message) from None
        except CloudError as error:
            log.warning("%s", error)

    def open(self, language: str, hints: Hints = Hints()) -> CloudStream:
        return CloudStream(self._loop, self._service, language if language in self.languages else AUTO, hints)

    def close(self) -> None:
        self.scheduler.close()
        self._loop.close()

    async def _connect_once(self) -> None:
        async with self._service.connect("", Hints()):
            await asyncio.sleep(0)
