"""Talks with known words: everyday sentences that the test model was not trained on, read by flite, with pauses."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from benchmarks.scores import Spoken, plain
from tests.models.whisper.corpus import EVERYDAY, EVERYDAY_HELD_OUT, EVERYDAY_SENTENCES, everyday_sentences
from tests.models.whisper.flite import RATE, Flite
from tests.models.whisper.speech import trimmed

VOICES = ("slt", "rms", "awb")
PAUSES = ((0.7, 0.3, 0.8), (0.25, 0.8, 1.5), (0.05, 2.0, 3.5))  # how often, seconds from and to
LEAD = 0.5  # seconds before the first word
TAIL = 1.0
LOUDNESS = 0.6
NOISE = 0.001  # standard deviation; about -60 dBFS


@dataclass(frozen=True)
class Talk:
    """16-bit mono samples at 16 kHz and the words in them, in seconds from the first sample."""

    samples: NDArray[np.int16]
    words: tuple[Spoken, ...]

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def talk(seed: int, seconds: float) -> Talk:
    """The talk of a seed, a third by each voice; it stops after the first sentence that ends past ``seconds``."""
    chance = random.Random(f"talk {seed}")
    sentences = _unseen_sentences(random.Random(f"text {seed}"))
    parts: list[NDArray[np.float32]] = [_silence(LEAD)]
    length = len(parts[0])
    words: list[Spoken] = []
    while length < seconds * RATE:
        text = next(sentences)
        voice = VOICES[(seed + int(len(VOICES) * length / (seconds * RATE))) % len(VOICES)]
        spoken = trimmed(*_flite().speak(text, voice, chance.uniform(0.95, 1.1), chance.uniform(0.95, 1.05)))
        samples, timed, _ = spoken
        begin = length / RATE
        words += [Spoken(word, begin + start, begin + end) for name, start, end in timed for word in plain(name)]
        (_, low, high) = chance.choices(PAUSES, [share for share, _, _ in PAUSES])[0]
        parts += [(samples / 2**15).astype(np.float32), _silence(chance.uniform(low, high))]
        length += len(parts[-1]) + len(parts[-2])
    parts.append(_silence(TAIL))
    sound = LOUDNESS * np.concatenate(parts)
    sound += NOISE * np.random.default_rng(seed).standard_normal(len(sound)).astype(np.float32)
    return Talk((sound.clip(-1, 1) * (2**15 - 1)).astype(np.int16), tuple(words))


def _silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


@cache
def _flite() -> Flite:
    return Flite()


@cache
def _trained_on() -> frozenset[str]:
    lists = json.loads(EVERYDAY.read_text())
    return frozenset(islice(everyday_sentences(lists, random.Random(1)), 2 * EVERYDAY_SENTENCES + EVERYDAY_HELD_OUT))


def _unseen_sentences(chance: random.Random) -> Iterator[str]:
    for sentence in everyday_sentences(json.loads(EVERYDAY.read_text()), chance):
        if sentence not in _trained_on():
            yield sentence
