"""What the tests with real clients share: sound, and services that recognize it or refuse it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import numpy as np

from surtitle.access import tokens
from surtitle.access.tokens import Scope
from surtitle.audio import RATE, Samples
from surtitle.core.settings import Access, Limits
from surtitle.demo import SAMPLE
from tests.support import Running, load, running, silence, until

SECRET = "a secret that nobody guesses, of these tests"
TEXT = "Good evening and welcome to the show. The words that you read are written down while I am speaking."
_SECONDS = 9.3  # of the demo's speech, in which that is said


@cache
def sound() -> Samples:
    """Two sentences, and a pause."""
    return np.concatenate((load(SAMPLE)[: round(_SECONDS * RATE)], silence(1.5)))


def token(scope: Scope = Scope.PUBLISH, channel: str = "*") -> str:
    return str(tokens.issue(SECRET, scope, channel, 600).token)


@asynccontextmanager
async def recognizing(weights: Path) -> AsyncIterator[Running]:
    """A service with real weights, which are loaded."""
    async with running(engine="whisper", model=str(weights), language="en") as service:
        await until(lambda: service.services.engines.get_loaded(None) is not None, timeout=120)
        yield service


@asynccontextmanager
async def guarded(folder: Path, limits: Limits = Limits(failures=1000)) -> AsyncIterator[Running]:
    """A service that requires tokens."""
    async with running(limits, access=Access(SECRET, require_token=True), data_dir=folder) as service:
        yield service
