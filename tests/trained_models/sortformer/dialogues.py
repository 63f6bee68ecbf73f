"""Put spoken sentences together as dialogues of one to four voices."""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.trained_models.sortformer.flite import RATE
from tests.trained_models.sortformer.voices import InterleavedWord

FRAME_S = 0.08
MOST_SPEAKERS = 4
NOISE_S = 60
FLITE_SHARE = 0.7
FLITE = ("slt", "rms", "awb", "kal16")
NATURAL = tuple(f"{base} 1.0" for base in FLITE)


@dataclass(frozen=True)
class Turn:
    """A stretch of speech of one speaker, in seconds."""

    speaker: str
    start: float
    end: float


@dataclass(frozen=True)
class Dialogue:
    """Sound (16 kHz) and what is true of it."""

    sound: np.ndarray
    turns: list[Turn]

    def speakers(self) -> list[str]:
        """Return the speakers in the order in which they first speak."""
        return list(dict.fromkeys(turn.speaker for turn in sorted(self.turns, key=lambda turn: turn.start)))

    def activity(self) -> np.ndarray:
        """Return frames of 80 ms by speakers: 1 where a speaker speaks for most of the frame."""
        frames = np.zeros((round(len(self.sound) / RATE / FRAME_S), MOST_SPEAKERS), np.float32)
        for column, speaker in enumerate(self.speakers()):
            for turn in self.turns:
                if turn.speaker == speaker:
                    frames[round(turn.start / FRAME_S) : round(turn.end / FRAME_S), column] = 1
        return frames


class Stock:
    """Spoken sentences by speaker."""

    def __init__(self, pcm: np.ndarray, everything: Iterable[InterleavedWord]) -> None:
        """Take 16-bit samples, and what they are."""
        self._pcm = pcm
        self.by_speaker: dict[str, list[InterleavedWord]] = {}
        for spoken in everything:
            self.by_speaker.setdefault(spoken.speaker, []).append(spoken)

    @classmethod
    def read(cls, stem: Path) -> "Stock":
        """Open a file that voices.py wrote; the samples stay on disk."""
        pcm = np.memmap(stem.with_suffix(".pcm"), dtype="<i2", mode="r")
        lines = stem.with_suffix(".jsonl").read_text().splitlines()
        return cls(pcm, (InterleavedWord(**json.loads(line)) for line in lines))

    def sound(self, spoken: InterleavedWord) -> np.ndarray:
        """Return the samples, float32."""
        begin = spoken.first_sample
        return self._pcm[begin : begin + spoken.samples].astype(np.float32) / 32768


class Writer:
    """Makes dialogues at random."""

    def __init__(self, stock: Stock, seed: int, *, natural: bool = False) -> None:
        """Write with these sentences; ``natural``: with flite's voices as they are."""
        self._stock = stock
        self._chance = random.Random(seed)
        self._noise = np.random.default_rng(seed).standard_normal(NOISE_S * RATE).astype(np.float32)
        self._murmur = np.convolve(self._noise, np.ones(8, np.float32) / 2.8, "same")
        names = [name for name in stock.by_speaker if not natural or name in NATURAL]
        self._flite = [name for name in names if name.split()[0] in FLITE]
        self._others = [name for name in names if name.split()[0] not in FLITE]

    def cast(self, count: int) -> list[str]:
        """Return different speakers, no two of the same voice."""
        chosen: dict[str, str] = {}
        while len(chosen) < count:
            flite = self._flite and (not self._others or self._chance.random() < FLITE_SHARE)
            name = self._chance.choice(self._flite if flite else self._others)
            if flite and self._chance.random() < 0.5:  # flite as it is
                name = f"{name.split()[0]} 1.0"
            chosen.setdefault(name.split()[0], name)
        return list(chosen.values())

    def _gap_s(self) -> float:
        """Return how long nobody speaks between two turns; below zero, both do."""
        chance = self._chance
        kind = chance.random()
        if kind < 0.12:
            return -chance.uniform(0.2, 1.0)
        if kind < 0.5:
            return chance.uniform(0.05, 0.3)
        return chance.uniform(0.3, 1.0) if kind < 0.9 else chance.uniform(1.0, 2.5)

    def dialogue(self, length_s: float, cast: list[str], cut_share: float = 0.3) -> Dialogue:
        """Return a dialogue of these speakers; a share of dialogues has parts of sentences."""
        chance = self._chance
        sound = np.zeros(round(length_s * RATE), np.float32)
        gains = {name: chance.uniform(0.35, 1.0) for name in cast}
        parts = chance.random() < cut_share
        turns: list[Turn] = []
        now, speaker, fresh = chance.choice((0.0, chance.uniform(0, 1.0))), "", list(cast)
        while now < length_s - 0.3:
            others = [name for name in cast if name != speaker] or cast
            speaker = fresh.pop(0) if fresh and chance.random() < 0.6 else chance.choice(others)
            if speaker in fresh:
                fresh.remove(speaker)
            for _ in range(1 if parts else chance.choice((1, 1, 1, 2, 2, 3))):
                samples = self._stock.sound(chance.choice(self._stock.by_speaker[speaker]))
                if parts or (not turns and chance.random() < 0.2):
                    keep = round(chance.uniform(0.4, 1.6) * RATE)
                    begin = chance.randrange(max(1, len(samples) - keep))
                    samples = samples[begin : begin + keep]
                begin = max(0, round(now * RATE))
                samples = samples[: max(0, len(sound) - begin)]
                if len(samples) < 0.2 * RATE:
                    break
                sound[begin : begin + len(samples)] += gains[speaker] * samples
                turns.append(Turn(speaker, begin / RATE, (begin + len(samples)) / RATE))
                now = turns[-1].end + chance.uniform(0.05, 0.4)
            now += self._gap_s()
        return Dialogue(self._worn(sound), turns)

    def _worn(self, sound: np.ndarray) -> np.ndarray:
        """Add noise and change the level."""
        chance = self._chance
        noise = chance.choice((self._noise, self._murmur))
        begin = chance.randrange(max(1, len(noise) - len(sound)))
        loudness = 0.03 * 10 ** (-chance.uniform(18, 60) / 20)
        return (sound + loudness * np.resize(noise[begin:], len(sound))) * chance.uniform(0.4, 2.0)
