"""More than the machine can do, and longer than anybody listens: with a real model, over real sockets."""

from __future__ import annotations

import asyncio
import json
import random
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from benchmarks.models import Model
from benchmarks.recordings import Recording, aligned
from benchmarks.soak import Soak, push, summary
from benchmarks.systems import Surtitle
from surtitle.audio import RATE
from surtitle.core.settings import Limits
from tests.support import need, publish, running, speech
from tests.trained_models.sortformer.everyday import EVERYDAY, everyday_sentences

pytestmark = pytest.mark.alone

SOURCES = 12
VOICES = ("slt", "rms", "awb")
SENTENCES = [
    "She has worked in the same office for eleven years.",
    "The train was late because of the heavy snow.",
    "He opened the door and walked into the room.",
    "They are going to build a new house near the river.",
]


async def test_more_sources_than_the_machine_can_serve_all_keep_their_lag_within_the_budget(
    whisper_tiny: Path,
) -> None:
    """One source takes a fifth of a core: twelve take more than two have."""
    talk = np.concatenate(
        [speech(sentence, voice) for sentence, voice in zip(SENTENCES, ("rms", "slt") * 2, strict=True)]
    )
    lags: list[float] = []

    async with running(Limits(), engine="whisper", model=str(whisper_tiny), language="en") as service:
        hub = service.services.hub

        async def watch() -> None:
            while True:
                lags.extend(source["lag"] for channel in hub.snapshot() for source in channel["sources"])
                await asyncio.sleep(0.1)

        watching = asyncio.create_task(watch())
        said = await asyncio.gather(
            *(
                publish(service, np.roll(talk, number * 2 * RATE), channel=f"c{number}", pace=1.0)
                for number in range(SOURCES)
            )
        )
        watching.cancel()
    assert max(lags) <= Limits().lag_budget
    for one in said:
        assert one.code == 1000
        assert len(one.text.split()) > 15  # nobody is starved
        assert len(one.of("partial")) >= 3


def everyday_recordings() -> list[Recording]:
    """Synthetic ones."""
    made: list[Recording] = []
    for number, text in enumerate(islice(everyday_sentences(json.loads(EVERYDAY.read_text()), random.Random(7)), 60)):
        samples = speech(text, VOICES[number % len(VOICES)])
        made.append(aligned(f"{number}", "en", (samples * (2**15 - 1)).astype(np.int16), text))
    return made


async def test_ten_minutes_pushed_through_leave_no_trace(whisper_tiny: Path) -> None:
    need("flite")
    seen = Soak()
    await push(Surtitle(), Model("tiny.en", whisper_tiny), everyday_recordings(), 600.0, seen)
    figures = summary(seen)
    assert seen.at[-1] > 590
    assert figures["memory_growth"] < 0.15  # of so short a time; hours are measured in benchmarks/
    assert figures["lag_last_hour"] < 2 * figures["lag_second_hour"] + 5  # "hours" are thirds of ten minutes
    assert figures["skipped"] == 0
    assert figures["error_rate"] < 0.2
    assert figures["repeated_runs"] <= figures["repeated_runs_spoken"] + 1
    assert figures["repeated_captions"] <= 1
