"""The service's pipeline on a virtual clock: in this process, without a server, faster than real time.

The clock is the processor time that recognition took, but never earlier than the sound: so a run takes the time that
decoding takes, and other programs on the machine change little. The engine is loaded as on a machine with one core:
the times of several threads would add up, and latencies come out longer than they are. It is for tuning; results come
from the servers.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.models import Model
from benchmarks.scores import Score, State, percentile, score
from benchmarks.talk import Talk
from surtitle.audio import RATE, Samples
from surtitle.captions.caption import Caption
from surtitle.core.words import join
from surtitle.pipeline import Pipeline
from surtitle.speech.engine import Engine
from surtitle.speech.kinds import find_model
from surtitle.speech.whisper.engine import WhisperEngine

BLOCK = 0.1  # seconds of sound that come at once, as from a live client


class Display:
    """The captions on display, by their ids."""

    def __init__(self) -> None:
        self.states: list[State] = []
        self._captions: dict[str, Caption] = {}

    def show(self, at: float, captions: list[Caption]) -> None:
        """Note what is on display at ``at`` seconds, after these captions changed."""
        self._captions.update((caption.id, caption) for caption in captions)
        if captions:
            everything = list(self._captions.values())
            committed = join([word for caption in everything for word in caption.words])
            shown = join([word for caption in everything for word in (*caption.words, *caption.tentative)])
            self.states.append(State(at, committed, shown))


def load(model: Model, options: Mapping[str, Any], cores: int = 1) -> Engine:
    """The service's Whisper, as on a machine with ``cores``, with keyword ``options`` of `WhisperEngine`.

    Raises `ModelError`.
    """
    with mock.patch("os.cpu_count", return_value=cores):
        return WhisperEngine(model.directory, model.name, **options)


def load_other(name: str, cores: int = 1) -> Engine:
    """A model of another kind of engine, such as "whisper.cpp:base". Raises `ModelError`."""
    model = find_model(name)
    with mock.patch("os.cpu_count", return_value=cores):
        return model.load(model.on_disk())


def play(
    engine: Engine,
    talk: Talk,
    language: str | None = None,
    on_captions: Callable[[list[Caption]], None] = lambda captions: None,
) -> tuple[list[State], float]:
    """What the pipeline shows of a talk and when, and the processor seconds that it took.

    ``on_captions`` is called with the captions that each step has changed.
    """
    display = Display()
    numbers = itertools.count(1)
    sound: Samples = (talk.samples / 2**15).astype(np.float32)
    block = round(BLOCK * RATE)
    clock = cpu = 0.0
    heard = 0
    with processor_clock():
        pipeline = Pipeline(engine.open(language or talk.language), "talk", lambda: f"c{next(numbers)}")
        try:
            while heard <= len(sound):
                ready = min(len(sound), int(clock * RATE) // block * block)
                if ready <= heard < len(sound):  # wait for the next block
                    ready = min(len(sound), heard + block)
                    clock = ready / RATE
                begun = time.process_time()
                # the end of the sound is a step of its own, as in the service
                captions = pipeline.feed(sound[heard:ready]) if heard < len(sound) else pipeline.flush()
                took = time.process_time() - begun
                clock, cpu = clock + took, cpu + took
                display.show(clock, captions)
                on_captions(captions)
                heard = ready if heard < len(sound) else len(sound) + 1
        finally:
            pipeline.close()
    return display.states, cpu


@contextmanager
def processor_clock() -> Iterator[None]:
    """Let everything in this process that measures how long a decoding took see processor time."""
    with mock.patch("time.monotonic", time.process_time), mock.patch("time.perf_counter", time.process_time):
        yield


def measure(engine: Engine, talk: Talk, language: str | None = None) -> tuple[Score, float, str]:
    """The score of a talk, the processor seconds for a second of it, and the transcript."""
    states, cpu = play(engine, talk, language)
    result = score(talk.words, states, talk.language, talk.references)
    return result, cpu / talk.seconds, states[-1].shown if states else ""


def line(name: str, result: Score, cpu: float) -> str:
    """A measurement in one line."""
    first, commit = (
        " / ".join(f"{percentile(values, share):.2f}" for share in (0.5, 0.95))
        for values in (result.first, result.commit)
    )
    written = f"{result.written_errors / result.written:.1%}" if result.written else "-"
    return (
        f"{name:8} {result.words} words  WER {result.errors / max(1, result.words):.1%} (as written {written})  "
        f"first seen {first} s  committed {commit} s  reworded {result.reworded / max(1, result.shown):.1%}  "
        f"changed {result.changed}  CPU {cpu:.2f} s/s"
    )
