"""Databases for the tests of the store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.postgresql import PostgreSQL, postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    """One PostgreSQL for all tests of a module."""
    with tempfile.TemporaryDirectory(prefix="surtitle-") as folder, postgresql(Path(folder)) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    """The address of an empty database; None is a file in the data folder."""
    return request.getfixturevalue("server").database() if request.param == "postgresql" else None
