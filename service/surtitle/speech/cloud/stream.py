"""A cloud's stream for one source, as the rest of the program uses it, from threads."""

from __future__ import annotations

from surtitle.audio import Samples
from surtitle.core.words import Hypothesis
from surtitle.speech.cloud.link import Link
from surtitle.speech.cloud.loop import EventLoopThread
from surtitle.speech.cloud.service import CloudService
from surtitle.speech.endpoint import EndpointRules
from surtitle.speech.engine import Hints, RemoteUse

_ACCEPT_TIMEOUT = 10.0  # seconds; accepting waits for nothing but the loop
_FINISH_TIMEOUT = 120.0  # seconds; the link has limits of its own
_CLOSE_TIMEOUT = 10.0  # seconds


class CloudStream:
    """Sends a source's utterances, and nothing of the silence between them."""

    bridges = 0.0

    def __init__(self, loop: EventLoopThread, service: CloudService, language: str, hints: Hints) -> None:
        self.remote_use = RemoteUse(service.name.recipient)
        self._loop = loop
        self._rules = service.cloud.rules
        self._link = loop.run(_open(service, language, hints, self.remote_use), _ACCEPT_TIMEOUT)

    @property
    def language(self) -> str:
        return self._link.language

    @property
    def rules(self) -> EndpointRules:
        return self._rules

    def accept(self, samples: Samples, silence: float, voice: float | None = None) -> Hypothesis | None:
        return self._loop.run(self._link.accept(samples, silence), _ACCEPT_TIMEOUT)

    def finish(self) -> Hypothesis:
        return self._loop.run(self._link.finish(), _FINISH_TIMEOUT)

    def close(self) -> None:
        self._loop.run_if_open(self._link.close(), _CLOSE_TIMEOUT)


async def _open(service: CloudService, language: str, hints: Hints, use: RemoteUse) -> Link:
    return Link(service, language, hints, use)
