"""What the tests of clouds share."""

from __future__ import annotations

import pytest

from surtitle.speech.cloud import link
from surtitle.speech.cloud import service as connection


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy computer may let a stand-in wait for a minute. Tests in which a limit is reached set their own."""
    for name in ("_MAX_OUTAGE", "_MAX_WAIT"):
        monkeypatch.setattr(link, name, 120.0)
    for name in ("_GREET_TIMEOUT", "_OPEN_TIMEOUT", "_PING_TIMEOUT", "_SEND_TIMEOUT"):
        monkeypatch.setattr(connection, name, 120.0)
