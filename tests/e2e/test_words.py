"""Are the words right? The whole way, over both ways in to the transcript."""

from __future__ import annotations

import asyncio

import httpx
import numpy as np

from surtitle.audio import Samples
from surtitle.audio.pcm import to_pcm
from tests.support import VOICES, Running, error_rate, publish, speech

SENTENCES = [
    "The farmer sold his horse and bought a new truck.",
    "She has worked in the same office for eleven years.",
    "Please close the door when you leave the room.",
    "There was a long line of people in front of the theater.",
    "My mother makes the best soup in the whole family.",
    "The meeting will begin at nine in the morning.",
    "He could not remember where he had left his keys.",
    "A group of students visited the museum last week.",
    "The ship sailed across the ocean in twelve days.",
    "We have decided to move to another city.",
    "The boy found a small bird under the tree.",
    "It was raining so hard that we could not see the road.",
]
LIMIT = 0.15


async def test_over_the_websocket(service: Running) -> None:
    said = await publish(service, reading(SENTENCES, VOICES[0]), channel="words", source="rms")
    assert said.code == 1000
    assert error_rate(" ".join(SENTENCES), said.text) <= LIMIT


async def test_over_http_by_all_voices_at_once(service: Running) -> None:
    """Three sources post into one channel; the transcript keeps them apart."""
    shares = {voice: SENTENCES[index::3] for index, voice in enumerate(VOICES)}

    async def post(client: httpx.AsyncClient, voice: str) -> None:
        body = to_pcm(reading(shares[voice], voice))
        answer = await client.post(f"/api/channels/posted/audio?source={voice}&rate=16000", content=body)
        assert answer.status_code == 200

    async with httpx.AsyncClient(base_url=service.url, timeout=120) as client:
        await asyncio.gather(*(post(client, voice) for voice in VOICES))
        captions = (await client.get("/api/channels/posted/transcript.json")).json()["captions"]
    truth = " ".join(sentence for voice in VOICES for sentence in shares[voice])
    heard = " ".join(caption["text"] for voice in VOICES for caption in captions if caption["source"] == voice)
    assert error_rate(truth, heard) <= LIMIT


def reading(sentences: list[str], voice: str) -> Samples:
    return np.concatenate([speech(sentence, voice) for sentence in sentences])
