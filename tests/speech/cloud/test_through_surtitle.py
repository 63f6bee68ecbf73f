"""Surtitle recognizes through another Surtitle, whose interfaces are those of the clouds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from surtitle.audio import RATE
from surtitle.core.words import Word, join
from surtitle.demo import SAMPLE
from surtitle.pipeline import Pipeline
from surtitle.speech.cloud.deepgram import SETTINGS as DEEPGRAM
from surtitle.speech.cloud.deepgram import Deepgram
from surtitle.speech.cloud.engine import CloudEngine
from surtitle.speech.cloud.openai import SETTINGS as OPENAI
from surtitle.speech.cloud.openai import OpenAI
from surtitle.speech.cloud.protocol import Cloud
from surtitle.speech.cloud.service import CloudService
from tests.support import Running, blocks, error_rate, load, silence

SECONDS = 9.3
TEXT = "Good evening and welcome to the show. The words that you read are written down while I am speaking."


@contextmanager
def engine_at(service: Running, kind: str) -> Iterator[CloudEngine]:
    settings = DEEPGRAM if kind == "deepgram" else OPENAI
    access = settings.read({settings.url_variable: f"{service.url}/api/channels/{kind}"})
    cloud: Cloud = Deepgram(access, "a-model") if kind == "deepgram" else OpenAI(access, "a-model")
    engine = CloudEngine(CloudService(cloud, local=access.local), f"{kind}:a-model")
    try:
        yield engine
    finally:
        engine.close()


@pytest.mark.parametrize("kind", ["deepgram", "openai"])
async def test_words_arrive(service: Running, kind: str) -> None:
    def recognize() -> tuple[list[Word], float]:
        with engine_at(service, kind) as engine:
            engine.check()
            stream = engine.open("en")
            pipeline = Pipeline(stream, "Host", iter(map(str, range(1000))).__next__)
            final: dict[str, list[Word]] = {}
            sound = [load(SAMPLE)[: round(SECONDS * RATE)], silence(60.0)]
            for samples in sound:
                for block in blocks(samples, RATE):
                    for caption in pipeline.feed(block):
                        known = final.get(caption.id, [])
                        assert list(caption.words[: len(known)]) == known
                        final[caption.id] = list(caption.words)
                    assert pipeline.take_failure() is None
            pipeline.flush()
            pipeline.close()
            assert stream.remote_use.lost == 0.0
            return [word for words in final.values() for word in words], stream.remote_use.sent

    words, sent = await asyncio.to_thread(recognize)
    assert error_rate(TEXT, join(words)) < 0.4  # the recognizer there is pocketsphinx
    assert all(word.start <= word.end <= SECONDS + 0.1 for word in words)
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert sent < SECONDS + 2  # silence is not sent
