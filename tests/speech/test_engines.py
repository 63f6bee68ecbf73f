"""Which engine a source gets. The hub is the boundary that does not exist here: it is stood in for."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from service.errors import ModelError
from service.settings import Settings
from service.speech import models
from service.speech.engines import Engines
from tests.support import until


class Loaded:
    """Stands for a loaded Whisper model."""

    name = "whisper"
    step = 30.0

    def __init__(self, directory: Path, model: str) -> None:
        self.directory, self.model = directory, model


@asynccontextmanager
async def started(**settings: Any) -> AsyncIterator[Engines]:
    engines = Engines(Settings(**settings))
    engines.start()
    try:
        yield engines
    finally:
        await engines.close()


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "has_gpu", lambda: False)
    monkeypatch.setattr("service.speech.engines.WhisperEngine", Loaded)


def stand_in(monkeypatch: pytest.MonkeyPatch, *, cached: Path | None, download: Callable[[str], Path]) -> None:
    monkeypatch.setattr(models, "cached", lambda model: cached)
    monkeypatch.setattr(models, "download", download)


@pytest.mark.usefixtures("no_gpu")
async def test_a_model_that_is_here_is_used_from_the_first_source_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch, cached=tmp_path, download=_unreachable)
    async with started() as engines:
        assert (await engines.current()).name == "whisper"
        assert engines.notice == ""


@pytest.mark.usefixtures("no_gpu")
async def test_while_a_model_is_fetched_captions_run_on_the_embedded_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fetched = threading.Event()

    def download(model: str) -> Path:
        fetched.wait(10)
        return tmp_path

    stand_in(monkeypatch, cached=None, download=download)
    async with started(model="base.en") as engines:
        assert (await engines.current()).name == "pocketsphinx"
        assert "until the Whisper model “base.en” is fetched" in engines.notice
        fetched.set()
        await until(lambda: engines.description["engine"] == "whisper")
        assert (await engines.current()).model == "base.en"
        assert engines.notice == ""


@pytest.mark.usefixtures("no_gpu")
async def test_without_a_hub_it_says_so_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, cached=None, download=_unreachable)
    async with started(engine="whisper", model="small") as engines:
        await until(lambda: "not here" in engines.notice)
        assert (await engines.current()).name == "pocketsphinx"
        assert engines.notice.count(".") == 1


async def test_a_broken_model_directory_leaves_the_embedded_engine(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"this is no model")
    async with started(engine="whisper", model=str(tmp_path)) as engines:
        assert (await engines.current()).name == "pocketsphinx"
        assert "cannot be loaded" in engines.notice


async def test_the_embedded_engine_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "cached", lambda model: pytest.fail("nobody asked for a model"))
    async with started(engine="pocketsphinx") as engines:
        assert (await engines.current()).name == "pocketsphinx"
        assert engines.notice == ""


def test_a_hub_that_does_not_answer_costs_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_HUB_TIMEOUT", 0.3)
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for hub in ("http://127.0.0.1:9", f"http://127.0.0.1:{silent.getsockname()[1]}", "nonsense"):
            monkeypatch.setenv("HF_ENDPOINT", hub)
            with pytest.raises(ModelError, match="hub cannot be reached"):
                models.download("base")


def test_directories_and_names(tmp_path: Path) -> None:
    assert models.local_directory("base.en") is None
    assert models.local_directory("Systran/faster-whisper-base") is None
    with pytest.raises(ModelError, match="no directory"):
        models.local_directory(str(tmp_path / "missing"))
    with pytest.raises(ModelError, match=r"no model\.bin"):
        models.local_directory(str(tmp_path))
    (tmp_path / "model.bin").touch()
    assert models.local_directory(str(tmp_path)) == tmp_path
    with pytest.raises(ModelError, match="no model's name"):
        models.cached("medium.klingon")


@pytest.mark.parametrize(
    ("cores", "gpu", "language", "model"),
    [
        (2, False, "auto", "base"),
        (2, False, "en", "base.en"),
        (8, False, "de", "small"),
        (4, True, "en", "small.en"),
        (16, True, "en", "large-v3-turbo"),
    ],
)
def test_the_model_fits_the_machine(cores: int, gpu: bool, language: str, model: str) -> None:
    assert models.fitting(cores, gpu, language) == model


def _unreachable(model: str) -> Path:
    raise ModelError("The model is not here.")


async def test_closing_does_not_wait_for_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def download(model: str) -> Path:
        gate.wait(30)
        return Path()

    stand_in(monkeypatch, cached=None, download=download)
    async with asyncio.timeout(5), started(model="base"):
        await asyncio.sleep(0.2)
    gate.set()
