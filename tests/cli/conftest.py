"""Fixtures for the commands."""

from __future__ import annotations

from typing import Any

import pytest

from surtitle.cli import main as cli
from surtitle.core.settings import Settings


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that the service would have been started with, one for each start."""
    starts: list[Settings] = []

    async def serve(settings: Settings, *_: Any, **__: Any) -> None:
        starts.append(settings)

    monkeypatch.setattr(cli, "_serve", serve)
    return starts
