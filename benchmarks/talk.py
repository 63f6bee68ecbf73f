"""Talks made of recordings, one after the other."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.recordings import Recording
from benchmarks.scores import Reference, TimedWord
from surtitle.audio import RATE

LEAD = 0.5  # seconds before the first recording
GAP = 1.0  # seconds between recordings, and after the last
PAUSE = 0.3  # seconds between two words where a recording may be cut off: words' times are known to about 0.1 s


@dataclass(frozen=True)
class Talk:
    """16-bit mono samples at 16 kHz and the words in them, in seconds from the first sample."""

    samples: NDArray[np.int16]
    words: tuple[TimedWord, ...]  # normalized
    references: tuple[Reference, ...]  # as written
    recordings: tuple[str, ...]  # names
    language: str = "en"

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def talk(recordings: Sequence[Recording], seconds: float | None = None, seed: int = 0, source: int = 0) -> Talk:
    """A talk of at least ``seconds``, in another order for each seed and each source that speaks at the same time.

    It ends at the first pause after ``seconds``. A recording is only repeated when all have been heard; without
    ``seconds`` each is heard once. All recordings have one language.
    """
    order = shuffled(recordings, seed, source)
    parts: list[NDArray[np.int16]] = [_silence(LEAD)]
    words: list[TimedWord] = []
    references: list[Reference] = []
    names: list[str] = []
    length = len(parts[0])
    while length < (seconds or 0.0) * RATE if seconds is not None else len(names) < len(recordings):
        recording = next(order)
        if seconds is not None:
            recording = cut(recording, seconds - length / RATE)
        at = length / RATE
        words += [TimedWord(one.word, at + one.start, at + one.end) for one in recording.words]
        references += [Reference(one.word, recording.formatted) for one in recording.tokens]
        names.append(recording.name)
        parts += [recording.samples, _silence(GAP)]
        length += len(recording.samples) + len(parts[-1])
    return Talk(np.concatenate(parts), tuple(words), tuple(references), tuple(names), recordings[0].language)


def shuffled(recordings: Sequence[Recording], seed: int, source: int = 0) -> Iterator[Recording]:
    """Recordings without end: all of them in one order, then in another. Every source begins with another one."""
    first = random.Random(f"first {seed}").sample(recordings, len(recordings))[source % len(recordings)]
    chance = random.Random(f"order {seed} {source}")
    rest = [recording for recording in recordings if recording is not first]
    yield first
    yield from chance.sample(rest, len(rest))
    while True:
        yield from chance.sample(recordings, len(recordings))


def cut(recording: Recording, seconds: float) -> Recording:
    """The recording up to the first pause between words after ``seconds``; all of it where there is none."""
    for word, following in pairwise(recording.tokens):
        if word.end >= seconds and following.start - word.end >= PAUSE:
            end = (word.end + following.start) / 2
            return Recording(
                recording.name,
                recording.language,
                recording.samples[: round(end * RATE)],
                recording.text,
                tuple(one for one in recording.words if one.start < end),
                tuple(one for one in recording.tokens if one.start < end),
            )
    return recording


def _silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(round(seconds * RATE), dtype=np.int16)
