"""A recorded talk between two, for the tests of what comes after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.audio.pcm import to_pcm
from tests.support import Running, error_rate, silence, speech

HOST = ("Good evening, and welcome to the show.", "Please close the door when you leave the room.")
GUEST = (
    "The weather is fine today, and we are going to the beach.",
    "My brother lives in a small house near the river.",
)


@dataclass(frozen=True)
class Talk:
    """Its session, and the sound of both; the guest is heard from the third second on."""

    session: str
    host: Samples
    guest: Samples


def sounds() -> tuple[Samples, Samples]:
    """Both take turns."""
    said = [(speech(host, "slt"), speech(guest, "rms")) for host, guest in zip(HOST, GUEST, strict=True)]
    host = np.concatenate([part for one, other in said for part in (one, silence(len(other) / RATE))])
    guest = np.concatenate([part for one, other in said for part in (silence(len(one) / RATE), other)])
    return host, guest


def caption_of(sentence: str, captions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The one that is most like the sentence: what the small model made of it is not always the same."""
    return min(captions, key=lambda caption: error_rate(sentence, caption["text"]))


async def talk(service: Running, channel: str, *, pace: float = 3.0) -> Talk:
    """Have it spoken and recorded."""
    host, guest = sounds()
    async with httpx.AsyncClient(base_url=service.url, timeout=120) as client:
        assert (await client.post(f"/api/channels/{channel}/recording")).json()["on"]

        async def body(samples: Samples) -> AsyncIterator[bytes]:
            for at in range(0, len(samples), RATE // 5):
                yield to_pcm(samples[at : at + RATE // 5])
                await asyncio.sleep(0.2 / pace)

        await asyncio.gather(
            *(
                client.post(f"/api/channels/{channel}/audio?source={name}&lang=en", content=body(samples))
                for name, samples in (("Host", host), ("Guest", guest))
            )
        )
        session = service.services.hub.channel(channel).session.current.id
        await client.delete(f"/api/channels/{channel}/recording")
    return Talk(session, host, guest)
