"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support import Running, running


@pytest_asyncio.fixture(scope="module")
async def service() -> AsyncIterator[Running]:
    """One service for all tests of a module, on the embedded engine."""
    async with running() as service:
        yield service
