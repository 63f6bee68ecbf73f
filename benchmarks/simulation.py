"""A simulation of the scheduler and the batches: how late captions are with more sources than one machine can run.

Sources speak as people do in the recordings: words at their times, with their pauses. Each decodes when the service's
stream would, with its step and its window; the batches form as in `surtitle.speech.whisper.batcher`; what is committed
follows the margins of `surtitle.speech.policy`. Only the decoder is replaced, by how long a batch takes: seconds that
were measured on this machine with the real weights, in this run, or those of another device. So the lag for a given
load can be found without the machines, and compared with a real run on this one (`python -m benchmarks capacity`).
`python -m benchmarks.simulation --model base`
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import simpy

from benchmarks import store
from benchmarks.models import Model, find, from_environment
from benchmarks.recordings import Recording, recordings
from benchmarks.scores import TimedWord, percentile
from benchmarks.talk import talk
from surtitle.audio import RATE
from surtitle.speech.policy import MARGINS
from surtitle.speech.whisper.decoding import encoded_frames
from surtitle.speech.whisper.engine import WhisperEngine
from surtitle.speech.whisper.features import HOP, LogMel
from surtitle.speech.whisper.pieces import Window

BLOCK = 0.1  # seconds of sound that a client sends at once
STEP, STEP_RATIO, MAX_STEP = 0.55, 2.2, 3.0  # as in `surtitle.speech.whisper.stream`
PAUSE, TIMED = 0.25, 8
SLIDE, REMAINING = 12.0, 6.0  # seconds: length from which a window slides, and what remains of it on average
SHOWN_AGE, UNSURE_AGE, UNSURE = 0.1, 0.75, 0.65
CONTEXTS = 2  # lengths of contexts, windows with different ones of which are not decoded together
LENGTHS = (3.0, 6.0, 9.0, 12.0)  # seconds of the windows whose decoding is timed
WORDS = 4  # words that a decoding writes after the prefix, on average
MAX_BATCH = 4
OTHER = 0.17  # processor seconds of a source for a second of its sound, without decoding: voice activity, features, …


@dataclass(frozen=True)
class Cost:
    """Seconds for a batch: ``first`` for one window of 10 s, ``length`` for each second more, ``more`` for each window.

    ``more`` is a share of the first. ``workers`` batches run at once, on ``cores`` that they share with whatever else
    a source needs, and with other programs.
    """

    first: float
    length: float
    more: float
    workers: int
    cores: float

    def seconds(self, frames: int, count: int) -> float:
        return (self.first + self.length * (frames * HOP / RATE - 10.0)) * (1.0 + self.more * (count - 1))


@dataclass(eq=False)
class Job:
    """A window that waits for its batch."""

    frames: int
    context: int
    done: simpy.Event


class Decoder:
    """The batches of one machine: see `surtitle.speech.whisper.batcher.Batcher`."""

    def __init__(self, world: simpy.Environment, cost: Cost, other: float) -> None:
        """``other`` is the number of cores that are busy with something else."""
        self._world, self._cost, self._other = world, cost, other
        self._running = 0
        self._waiting: list[Job] = []
        self._wake = [world.event() for _ in range(cost.workers)]
        self.busy = 0.0  # seconds of all workers
        self.batches: list[int] = []  # windows in each
        for worker in range(cost.workers):
            world.process(self._work(worker))

    def decode(self, frames: int, context: int) -> simpy.Event:
        job = Job(frames, context, self._world.event())
        self._waiting.append(job)
        for event in self._wake:
            if not event.triggered:
                event.succeed()
        return job.done

    def _work(self, worker: int) -> Generator[simpy.Event, None, None]:
        while True:
            while not self._waiting:
                self._wake[worker] = self._world.event()
                yield self._wake[worker]
            first = self._waiting[0]
            share = -(-len(self._waiting) // self._cost.workers)
            same = [job for job in self._waiting if (job.frames, job.context) == (first.frames, first.context)]
            batch = same[: min(MAX_BATCH, share)]
            self._waiting = [job for job in self._waiting if job not in batch]
            self._running += 1
            slower = max(1.0, (self._running + self._other) / self._cost.cores)
            seconds = self._cost.seconds(first.frames, len(batch)) * slower
            self.busy += seconds
            self.batches.append(len(batch))
            yield self._world.timeout(seconds)
            self._running -= 1
            for job in batch:
                job.done.succeed()


@dataclass
class Lags:
    """Seconds from the end of each word until it appears, and until it is committed."""

    first: list[float] = field(default_factory=list)
    commit: list[float] = field(default_factory=list)


class Source:
    """A stream on its own clock, without sound: see `surtitle.speech.whisper.stream.WindowStream`."""

    def __init__(
        self, world: simpy.Environment, decoder: Decoder, words: Sequence[TimedWord], begins: float, seed: str
    ) -> None:
        self._world, self._decoder, self._words, self._begins = world, decoder, words, begins
        self._chance = random.Random(seed)
        self._probabilities = [_draw_probability(self._chance) for _ in words]
        self._times: list[float] = []
        self.lags = Lags()

    def run(self) -> Generator[simpy.Event, None, None]:
        yield self._world.timeout(self._begins)
        shown, committed, seen = set[int](), 0, set[int]()
        window = decoded = 0.0
        ends = self._words[-1].end + 2.0
        while committed < len(self._words) and self._heard() < ends + 60.0:
            heard = self._heard()
            voice = self._voice_end(heard)
            if not self._is_due(heard, decoded, voice):
                yield self._world.timeout(BLOCK)
                continue
            began = self._world.now
            length = min(max(1.0, heard - window), 25.0)
            frames = _frames(length)
            yield self._decoder.decode(frames, self._chance.randrange(CONTEXTS))
            self._times = [*self._times[1 - TIMED :], self._world.now - began]
            now, decoded = self._heard(), heard
            for index in range(committed, len(self._words)):
                word, probability = self._words[index], self._probabilities[index]
                if word.end > heard:
                    break
                age = heard - word.end
                if index not in shown and age >= (UNSURE_AGE if probability < UNSURE else SHOWN_AGE):
                    shown.add(index)
                    self.lags.first.append(now - word.end + BLOCK / 2)
                if index == committed and (age >= _margin(probability, index in seen) or heard - voice > 1.6):
                    committed += 1
                    self.lags.commit.append(now - word.end + BLOCK / 2)
                seen.add(index)
            if heard - window > SLIDE and committed:
                window = max(window, min(self._words[committed - 1].end, heard - REMAINING))
            if heard - voice > 1.6:
                window = max(window, voice)

    def _heard(self) -> float:
        return float(self._world.now) - self._begins

    def _voice_end(self, heard: float) -> float:
        return max((min(word.end, heard) for word in self._words if word.start < heard), default=0.0)

    def _is_due(self, heard: float, decoded: float, voice: float) -> bool:
        silence = heard - voice
        if not voice:
            return False
        if silence >= PAUSE:
            return decoded < voice + PAUSE / 2 or (silence > 1.6 and decoded < voice + 1.6)
        step = min(MAX_STEP, max(STEP, STEP_RATIO * min(self._times, default=0.0)))
        return heard - decoded >= step + (PAUSE if silence else 0.0)


def _frames(seconds: float) -> int:
    """What the encoder is given of a window."""
    return encoded_frames(Window(np.empty((0, round(seconds * RATE / HOP)), dtype=np.float32), "en"))


def _margin(probability: float, agreed: bool) -> float:
    margin = next(one for one in MARGINS if probability >= one.probability)
    return margin.agreed if agreed else margin.new


PROBABILITIES = ((0.85, 0.95), (0.6, 0.7), (0.35, 0.5), (0.0, 0.2))
SHARES = (0.78, 0.13, 0.06, 0.03)  # of words, with the probabilities above: base on the recordings of people


def _draw_probability(chance: random.Random) -> float:
    return chance.choices([probability for _, probability in PROBABILITIES], SHARES)[0]


def simulate(
    talks: Sequence[Sequence[TimedWord]], cost: Cost, taken: float = 0.0, seed: int = 0
) -> tuple[Lags, float, float]:
    """The lags of all words, the share of the workers that was busy, and the windows in a batch on average.

    Other programs take the share ``taken`` of the cores.
    """
    world = simpy.Environment()
    decoder = Decoder(world, cost, OTHER * len(talks) + taken * cost.cores)
    sources = [Source(world, decoder, words, 0.37 * number, f"{seed} {number}") for number, words in enumerate(talks)]
    running = [world.process(source.run()) for source in sources]
    world.run(until=simpy.AllOf(world, running))
    lags = Lags()
    for source in sources:
        lags.first += source.lags.first
        lags.commit += source.lags.commit
    return lags, decoder.busy / (world.now * cost.workers), float(np.mean(decoder.batches or [0]))


def measure_cost(model: Model, recording: Recording, repeats: int = 3) -> Cost:
    """Time real decodings of one window and of several, of the lengths that live windows have."""
    engine = WhisperEngine(model.directory, model.name)
    decoder = engine._decoder
    sound = (recording.samples / 2**15).astype(np.float32)
    try:
        single = [(length, _time(decoder, [_window(decoder, sound, length)], repeats)) for length in LENGTHS]
        window = _window(decoder, sound, 9.0)
        one, several = (_time(decoder, [window] * count, repeats) for count in (1, MAX_BATCH))
    finally:
        engine.close()
    slope, at_zero = np.polyfit(
        [_frames(n) * HOP / RATE for n, _ in single],
        [seconds for _, seconds in single],
        1,
    )
    more = max(0.0, (several / one - 1.0) / (MAX_BATCH - 1))
    workers = decoder.capacity // (2 * MAX_BATCH)
    return Cost(float(at_zero + 10.0 * slope), float(slope), more, workers, os.cpu_count() or 1)


def _window(decoder: Any, sound: Any, seconds: float) -> Window:
    """A window as in live captions: all of its words but the last few are known."""
    mel = LogMel(decoder.mels)
    mel.feed(sound[: int(seconds * RATE)])
    features = mel.features()
    words = decoder.decode(Window(features, "en")).pieces
    prefix = tuple(token for piece in words[:-WORDS] for token in piece.tokens)
    return Window(features, "en", (), prefix)


def _time(decoder: Any, windows: list[Window], repeats: int) -> float:
    """The processor time of a decoding, of the fastest repetition: other programs run, too."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        decoder._decode(windows)
        times.append(time.process_time() - began)
    return min(times)


def rows(
    cost: Cost, voices: Sequence[Recording], counts: Sequence[int], seconds: float, taken: float
) -> Iterator[dict[str, Any]]:
    """The figures for each number of sources."""
    for count in counts:
        talks = [talk(voices, seconds, source=number).words for number in range(count)]
        lags, busy, batch = simulate(talks, cost, taken)
        yield {
            "sources": count,
            "first": [percentile(lags.first, share) for share in (0.5, 0.95)],
            "commit": [percentile(lags.commit, share) for share in (0.5, 0.95)],
            "busy": busy,
            "batch": batch,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="base")
    parser.add_argument("--sources", type=int, nargs="+", default=[1, 2, 3, 4, 6, 8])
    parser.add_argument("--seconds", type=float, default=120.0, help="of speech of each source")
    parser.add_argument("--taken", type=float, default=0.0, help="share of the processors that other programs take")
    options = parser.parse_args()
    model = find(options.model, from_environment())
    voices = recordings(find("base", from_environment()), "en")
    cost = measure_cost(model, max(voices, key=lambda one: one.seconds))
    print(cost, flush=True)
    figures = list(rows(cost, voices, options.sources, options.seconds, options.taken))
    for row in figures:
        first, commit = (" / ".join(f"{value:.2f}" for value in row[name]) for name in ("first", "commit"))
        print(f"{row['sources']:4} sources  first seen {first} s  committed {commit} s  busy {row['busy']:.0%}")
    store.save("simulation", {"cost": asdict(cost), "taken": options.taken, "rows": figures}, [model], voices)


if __name__ == "__main__":
    main()
