"""What those are told who watch over the service."""

from __future__ import annotations

import asyncio
import json
import logging

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from surtitle.core import logs
from surtitle.store.database import StoreError
from tests.support import Running, listen, publish, running, silence, speech


async def samples(service: Running) -> dict[str, float]:
    """All that is told, by name and labels."""
    async with httpx.AsyncClient(base_url=service.url) as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {
        sample.name + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


async def test_metrics_of_speech(service: Running) -> None:
    said = await publish(service, speech("The weather will be fine tomorrow."), channel="measured", pace=1.0)
    words = len(said.text.split())
    told = await samples(service)
    assert told["surtitle_words_total measured"] == words > 3
    assert told["surtitle_word_delay_seconds_count pocketsphinx"] == words
    assert 0.1 < told["surtitle_word_delay_seconds_sum pocketsphinx"] / words < 10
    assert told["surtitle_recognition_seconds_count pocketsphinx"] > 0
    assert told["surtitle_recognition_seconds_sum pocketsphinx"] > 0
    assert told["surtitle_ready"] == 1
    assert told["surtitle_connections"] >= 1
    assert told["surtitle_bus_failing"] == 0  # there is none


async def test_metrics_of_what_is_so_now(service: Running) -> None:
    async with service.publisher("now") as source, service.reader("now"):
        await source.send('{"op":"start","source":"tab"}')
        await source.recv()
        told = await samples(service)
        assert told["surtitle_sources now live"] == 1
        assert told["surtitle_readers now"] == 1
        assert told["surtitle_lag_seconds now tab"] == 0
        assert told["surtitle_queue_seconds now tab"] == 0
        assert told["surtitle_obs now off"] == 1
    async with service.publisher("now") as source:
        await source.send("garbage")
        assert (await listen(source)).code == 4400
    async with httpx.AsyncClient(base_url=service.url) as client:
        await client.get("/api/channels/no%20channel")
    told = await samples(service)
    assert told["surtitle_refused_total 400"] >= 1
    assert told["surtitle_refused_total 404"] >= 1


async def test_two_services_count_apart(service: Running) -> None:
    await publish(service, speech("The weather will be fine tomorrow."), channel="apart")
    async with running() as other:
        assert "surtitle_words_total apart" not in await samples(other)


async def test_readiness(service: Running, tmp_path_factory: pytest.TempPathFactory) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        async with asyncio.timeout(30):
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.1)
        assert (await client.get("/readyz")).json() == {"ready": True, "missing": []}
    async with running(data_dir=tmp_path_factory.mktemp("data")) as kept:
        kept.services.journal_writer.problem = str(StoreError("disk full"))
        async with httpx.AsyncClient(base_url=kept.url) as client:
            async with asyncio.timeout(30):
                while (await client.get("/readyz?exclude=store")).status_code != 200:
                    await asyncio.sleep(0.1)
            answer = await client.get("/readyz")
            refused = await client.get("/readyz?exclude=stor")
        assert (answer.status_code, answer.json()["missing"]) == (503, ["the store cannot be written"])
        assert refused.status_code == 400
        assert "engine, store" in refused.json()["message"]


async def test_lines_about_a_source_say_which(service: Running, capsys: pytest.CaptureFixture[str]) -> None:
    loggers = [logging.getLogger(), logging.getLogger("surtitle")]
    kept = [(one.level, one.handlers[:]) for one in loggers]
    logs.configure(verbose=False, log_format="json")
    try:
        said = await publish(service, silence(0.5), channel="logged", source="tab")
        assert said.code == 1000
        logging.getLogger("surtitle.test").warning("told\nby %s", "somebody")
    finally:
        for one, (level, handlers) in zip(loggers, kept, strict=True):
            one.setLevel(level)
            one.handlers[:] = handlers
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    started = next(line for line in lines if "started on" in line["message"])
    assert started["channel"] == "logged"
    assert len(started["source"]) == 6
    assert started["level"] == "info"
    other = next(line for line in lines if line["logger"] == "surtitle.test")
    assert other["message"] == "told\nby somebody"
    assert "source" not in other
