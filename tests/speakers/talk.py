"""Dialogues for tests, of sentences on which the test model was not trained."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import numpy as np

from surtitle.audio import RATE, Samples
from tests.support import need, silence
from tests.trained_models.sortformer.dialogues import FLITE, Dialogue, Stock, Writer
from tests.trained_models.sortformer.voices import HELD_OUT_SENTENCES, InterleavedWord, Speaker, Voices, sentences

MODEL = Path(__file__).parents[1] / "trained_models" / "sortformer" / "model.nemo"


@cache
def stock() -> Stock:
    """Some held-out sentences in each of flite's voices."""
    need("flite")
    voices, texts = Voices(7), itertools.cycle(sentences(HELD_OUT_SENTENCES, 1))
    sounds, spoken, position = [], [], 0
    for base in FLITE:
        for text in itertools.islice(texts, 25):
            sounds.append(voices.say(Speaker(base), text))
            spoken.append(InterleavedWord(Speaker(base).name, text, position, len(sounds[-1])))
            position += len(sounds[-1])
    return Stock((np.concatenate(sounds) * 32767).astype(np.int16), spoken)


def dialogues(speakers: int, count: int, seconds: float = 30.0) -> list[Dialogue]:
    """Dialogues of so many voices; always the same ones."""
    writer = Writer(stock(), 500 + speakers)
    return [writer.dialogue(seconds, writer.cast(speakers), cut_share=0.0) for _ in range(count)]


@cache
def two_voices() -> tuple[Samples, Samples]:
    """Four seconds of speech by each of two people."""
    need("flite")
    voices, text = Voices(5), "The train was late because of the heavy snow, so he walked along the river."
    first, second = (voices.say(Speaker(base), text)[: 4 * RATE] for base in ("rms", "slt"))
    return first, second


def turns(*said: tuple[str, str], pause: float = 0.2) -> Samples:
    """Speech of (voice, text) pairs, one after another, with a second of silence before and after it all."""
    need("flite")
    voices = Voices(3)
    parts = [silence(0.5)]
    for base, text in said:
        parts += [voices.say(Speaker(base), text), silence(pause)]
    return np.concatenate([*parts, silence(1.0)])
