from __future__ import annotations

import numpy as np
import pytest

from service.audio import RATE, Samples
from service.speech.endpoint import Edge, Endpointer
from service.speech.vad import CHUNK, SileroVad
from tests.support import blocks, silence, speech

SECONDS = 20


def edges(samples: Samples) -> list[tuple[Edge, float]]:
    """What the detector and the endpointer make of it, with times in seconds."""
    vad, endpointer = SileroVad(), Endpointer(CHUNK / RATE)
    whole = samples[: len(samples) - len(samples) % CHUNK]
    found = [
        (endpointer.feed(vad.probability(chunk)), number * CHUNK / RATE)
        for number, chunk in enumerate(blocks(whole, CHUNK))
    ]
    return [(edge, when) for edge, when in found if edge is not Edge.NONE]


def test_speech_begins_and_ends_where_it_does() -> None:
    samples = np.concatenate((silence(2.0), speech("We walked along the river until the sun went down.")))
    (begin, began), (end, ended) = edges(samples)
    assert (begin, end) == (Edge.SPEECH, Edge.ENDPOINT)
    assert 2.4 < began < 2.9
    spoken = len(samples) / RATE - 1.0  # the test's speech has a second of silence after it
    assert spoken + 0.3 < ended < spoken + 0.9


@pytest.mark.parametrize("level", [0.001, 0.05, 0.5])
def test_noise_and_hum_are_not_speech(level: float) -> None:
    time = np.arange(SECONDS * RATE) / RATE
    noise = np.random.default_rng(3).uniform(-level, level, len(time))
    hum = level * (np.sin(2 * np.pi * 50 * time) + 0.3 * np.sin(2 * np.pi * 150 * time))
    chord = level / 3 * sum(np.sin(2 * np.pi * tone * time) for tone in (261.6, 329.6, 392.0))
    for sound in (noise, hum, chord):
        assert edges(np.asarray(sound, dtype=np.float32)) == []


def test_two_listeners_share_nothing() -> None:
    first, second = SileroVad(), SileroVad()
    chunks = list(blocks(speech("Good morning.")[: 40 * CHUNK], CHUNK))
    alone = [first.probability(chunk) for chunk in chunks]
    first.reset()
    mixed = []
    for chunk in chunks:
        mixed.append(first.probability(chunk))
        second.probability(np.zeros(CHUNK, dtype=np.float32))
    assert mixed == alone
