"""A pool on Ray Serve with real weights: what its replicas answer, and that one which dies costs no words."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from surtitle.demo import SAMPLE
from surtitle.pool.address import URL_VARIABLE
from surtitle.translation.pool import PoolTranslator
from surtitle.translation.translator import Text
from tests.inference.ray_process import RayPool, need_ray, ray_pool
from tests.support import TRANSLATION_MODEL, error_rate, load, publish, running, sample_text, transcript, until

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(os.name == "nt", reason="Ray supports Windows only in part"),
]

REPLICAS = 2
PERSON = Path(__file__).parents[2] / "shared" / "audio" / "jfk.flac"
"""A person who speaks English for 11 s, where somebody has put it beside the checkout."""


@pytest.fixture(scope="module")
def pool(whisper_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayPool]:
    need_ray()
    models = {"tiny.en": whisper_tiny}
    folder = tmp_path_factory.mktemp("pool")
    pool = RayPool(folder, models, {"nllb": Path(TRANSLATION_MODEL)}, replicas=REPLICAS, cores=0.9)
    with ray_pool(pool) as started:
        yield started


async def test_no_words_are_lost_when_replicas_are_killed(pool: RayPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, pool.url)
    spoken, text = load(SAMPLE), sample_text()
    if PERSON.exists():
        person = load(PERSON)
        said = PERSON.with_suffix(".txt").read_text(encoding="utf-8")
    else:
        person, said = spoken, text
    async with running(engine="pool", model="pool:tiny.en", language="en") as service:
        await until(lambda: service.services.engines.description["engine"] == "pool", timeout=60)
        hub = service.services.hub
        talks = {"one": (spoken, text), "two": (person, said)}
        publishing = [
            asyncio.create_task(publish(service, samples, channel=name, pace=2.0))
            for name, (samples, _) in talks.items()
        ]
        killed: list[psutil.Process] = []
        for _ in range(REPLICAS):
            before = [hub.channel(name).original.feed.last for name in talks]
            await until(
                lambda seen=before: all(  # type: ignore[misc]
                    hub.channel(name).original.feed.last > last for name, last in zip(talks, seen, strict=True)
                ),
                timeout=120,
            )
            victim = await asyncio.to_thread(lambda: next(one for one in pool.replicas() if one not in killed))
            victim.kill()
            killed.append(victim)
            await until(lambda: len([one for one in pool.replicas() if one not in killed]) == REPLICAS, timeout=120)
        replies = await asyncio.gather(*publishing)
        assert [reply.of("error") + reply.of("warning") for reply in replies] == [[], []]
        for name, (_, truth) in talks.items():
            heard = await transcript(service, name)
            assert error_rate(truth, heard) < 0.15, heard


def test_texts_are_translated(pool: RayPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, pool.url)
    with closing(PoolTranslator("pool:nllb")) as translator:
        texts = [Text("We must open the door today.", "eng_Latn", "fra_Latn")]
        assert translator.translate(texts) == [" Nous devons ouvrir la porte aujourd'hui."]
