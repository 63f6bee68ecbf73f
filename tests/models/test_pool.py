"""The pool of models, whatever their kind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from surtitle.core.errors import ModelError
from surtitle.model_files.kind import ModelKind
from surtitle.models import pool as pools
from surtitle.models.pool import IdlePolicy, ModelPool
from tests.support import until

KIND = ModelKind(
    noun="toy",
    option="--toy",
    wanted="a toy",
    repositories={},
    select=list,
    missing=lambda names: set(),
    missing_locally=lambda names: {"toy"} - set(names),
)


class Download:
    """Stands in for the download of models: it waits until the test opens it, or until it is stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open = threading.Event()
        self.started: list[str] = []
        self.stopped: list[str] = []

    def __call__(self, model: str, report: object, stop: threading.Event, kind: ModelKind) -> Path:
        assert kind is KIND
        self.started.append(model)
        while not self.open.wait(0.01):
            if stop.is_set():
                self.stopped.append(model)
                raise ModelError("It was stopped.")
        return self.folder


@pytest.fixture
def download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Download]:
    download = Download(tmp_path)
    monkeypatch.setattr(pools, "download", download)
    monkeypatch.setattr(ModelKind, "find_cached", lambda self, model: None)
    yield download
    download.open.set()


def toys(unloaded: list[str], *, count: int = 0, finish_downloads: bool = False) -> ModelPool[str]:
    idle = IdlePolicy(count, 0.0, finish_downloads)
    return ModelPool(lambda name: (KIND, name), lambda _, name: f"toy {name}", unloaded.append, idle)


async def test_a_download_that_nobody_waits_for_is_stopped(download: Download) -> None:
    pool = toys([])
    waiting = asyncio.create_task(pool.get("car"))
    await until(lambda: download.started == ["car"])
    waiting.cancel()
    await until(lambda: download.stopped == ["car"])
    assert pool.progress("car") is None
    await pool.close()


async def test_a_download_is_finished_where_that_is_wanted(download: Download) -> None:
    pool = toys([], count=1, finish_downloads=True)
    waiting = asyncio.create_task(pool.get("car"))
    await until(lambda: download.started == ["car"])
    waiting.cancel()
    await asyncio.wait({waiting})
    download.open.set()
    await until(lambda: pool.get_loaded("car") == "toy car")
    assert download.stopped == []
    await pool.close()


async def test_models_that_are_not_used_are_unloaded(download: Download) -> None:
    download.open.set()
    unloaded: list[str] = []
    pool = toys(unloaded)
    used = {"car", "ball"}
    pool.in_use = lambda: used
    assert [await pool.get(name) for name in ("car", "ball")] == ["toy car", "toy ball"]
    used.remove("car")
    pool.unload_idle()
    assert pool.get_loaded("car") is None
    assert pool.progress("car") is None
    assert pool.get_loaded("ball") == "toy ball"
    await until(lambda: unloaded == ["toy car"])
    await pool.close()
    assert unloaded == ["toy car", "toy ball"]


async def test_closing_stops_downloads(download: Download) -> None:
    pool = toys([], finish_downloads=True)
    waiting = asyncio.create_task(pool.get("car"))
    await until(lambda: download.started == ["car"])
    await pool.close()
    await until(lambda: download.stopped == ["car"])
    with pytest.raises(asyncio.CancelledError):
        await waiting
