"""Servers for the tests of the bus."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bus.redis_server import RedisServer, redis_server
from tests.store.postgresql import PostgreSQL, postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    """One PostgreSQL for all tests of a module."""
    with tempfile.TemporaryDirectory(prefix="surtitle-") as folder, postgresql(Path(folder)) as server:
        yield server


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[RedisServer]:
    """An empty Redis."""
    with redis_server(tmp_path) as server:
        yield server
