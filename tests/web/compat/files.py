"""A service that recognizes files by `tests.recordings.fake_file_worker`: each file says what is heard in it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from surtitle.core.settings import Limits
from tests.recordings import fake_file_worker
from tests.support import Running, running

COMMAND = (sys.executable, "-P", str(Path(fake_file_worker.__file__)))
LIMITS = Limits(file_requests=2, upload_bytes=100_000, idle_timeout=5.0)


@asynccontextmanager
async def serving_files(limits: Limits = LIMITS) -> AsyncIterator[Running]:
    async with running(limits) as service:
        service.services.file_transcriptions._command = COMMAND
        yield service
