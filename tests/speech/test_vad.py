from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from benchmarks import hostile_sounds
from surtitle import demo as demo_package
from surtitle.audio import RATE, Samples
from surtitle.speech.endpoint import Edge, Endpointer
from surtitle.speech.vad import CHUNK, SileroVad
from tests.support import blocks, load, silence, speech

SECONDS = 20
MINUTES = 0.032 * 4000  # two, in whole chunks


@cache
def sample() -> Samples:
    return load(Path(demo_package.__file__).parent / "sample" / "speech.flac")


def demo(seconds: float) -> Samples:
    """The beginning of the demo's speech, in whole chunks."""
    count = round(seconds * RATE)
    return sample()[: count - count % CHUNK]


def edges(samples: Samples) -> list[tuple[Edge, float]]:
    """What the detector and the endpointer make of it, with times in seconds."""
    vad, endpointer = SileroVad(), Endpointer(CHUNK / RATE)
    whole = samples[: len(samples) - len(samples) % CHUNK]
    found = [
        (endpointer.feed(vad.probability(chunk)), number * CHUNK / RATE)
        for number, chunk in enumerate(blocks(whole, CHUNK))
    ]
    return [(edge, when) for edge, when in found if edge is not Edge.NONE]


def test_the_beginning_and_end_of_speech_are_found() -> None:
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


def test_two_detectors_share_no_state() -> None:
    first, second = SileroVad(), SileroVad()
    chunks = list(blocks(speech("Good morning.")[: 40 * CHUNK], CHUNK))
    alone = [first.probability(chunk) for chunk in chunks]
    first.reset()
    mixed = []
    for chunk in chunks:
        mixed.append(first.probability(chunk))
        second.probability(np.zeros(CHUNK, dtype=np.float32))
    assert mixed == alone


def recall(bed: Samples, said: Samples) -> float:
    """The share of the chunks with speech in ``said`` that is still found after ``bed``."""
    alone, after = SileroVad(), SileroVad()
    for chunk in blocks(bed, CHUNK):
        after.probability(chunk)
    found = [(alone.probability(chunk), after.probability(chunk)) for chunk in blocks(said, CHUNK)]
    return float(np.mean([late >= 0.5 for early, late in found if early >= 0.5]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["silence", "pink noise", "mains hum", "typing", "piano", "crowd"])
def test_quiet_speech_is_found_after_minutes_of_other_sounds(name: str) -> None:
    bed = hostile_sounds.make(name, MINUTES)
    assert recall(bed, demo(5.0) * np.float32(0.1)) > 0.9


def test_quiet_speech_is_found_after_minutes_of_talk() -> None:
    bed = np.concatenate((*[demo(SECONDS)] * 9, silence(0.032 * 40)))
    assert recall(bed, demo(5.0) * np.float32(0.1)) > 0.9


def test_speech_that_begins_as_the_state_is_renewed_is_found() -> None:
    said = demo(5.0) * np.float32(0.2)
    for chunks in range(152, 188, 6):
        assert recall(silence(0.032 * chunks), said) > 0.9
