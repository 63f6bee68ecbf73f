"""What it costs to tell speakers apart on a pool: bytes and milliseconds of a step, beside the same model here.

With the small model that the tests use, and with the published architecture and random weights, whose steps and states
are as large as with its own. The pool is a plain server on this computer. Needs the extra `diarization`.
`python -m benchmarks.diarization_pool`
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.diarization import noise, save_published
from surtitle.audio import RATE
from surtitle.inference.diarization import create_diarization
from surtitle.pool.address import PoolAddress
from surtitle.pool.messages import DiarizationAnswer, DiarizationRequest, encode
from surtitle.speakers.model import ActivityStream
from surtitle.speakers.pool import PoolModel, PoolStream
from surtitle.speakers.sortformer import LATENCIES, Sortformer
from tests.inference.pool_server import pool_server
from tests.speakers.talk import MODEL

FILL = 45.0  # seconds of audio until the cache is full
MEASURED = {0.32: 6.0, 1.04: 7.0, 10.0: 20.5}  # seconds of audio, in which the queue becomes as long as it can be
BLOCK = RATE // 10


class Measured:
    """The bytes of each request and answer."""

    def __init__(self, model: PoolModel) -> None:
        self.sent: list[int] = []
        self.received: list[int] = []
        self._ask = model._ask

    def ask(self, request: DiarizationRequest) -> DiarizationAnswer:
        answer = self._ask(request)
        self.sent.append(len(encode(request)))
        self.received.append(len(encode(answer)))
        return answer


def main() -> None:
    print("| model, latency | sent | received | for each source and second | here | pool |")
    print("|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        models = {"small": Sortformer(str(MODEL)), "published size": Sortformer(str(save_published(Path(folder))))}
    for name, model in models.items():
        model.torch.set_num_threads(1)
        with (
            closing(create_diarization(model)) as replica,
            pool_server({"sortformer": replica}) as server,
            closing(PoolModel(PoolAddress(server.url), "sortformer")) as pool,
        ):
            for latency in LATENCIES:
                print(f"| {name}, {latency:g} s | {measure(model, pool, latency)} |", flush=True)
    print(f"Load: {os.getloadavg()[0]:.1f}")


def measure(model: Sortformer, pool: PoolModel, latency: float) -> str:
    """The cells of a table."""
    measured = Measured(pool)
    streams = filled(model, latency, measured)
    measured.sent.clear()
    measured.received.clear()
    taken: list[list[float]] = [[], []]
    sound = noise(MEASURED[latency])
    for at in range(0, len(sound), BLOCK):
        for stream, times in zip(streams, taken, strict=True):
            start = time.perf_counter()
            if len(stream.feed(sound[at : at + BLOCK])):
                times.append(1000 * (time.perf_counter() - start))
    each = LATENCIES[latency].chunk * 0.08  # seconds from one step to the next
    rate = [8 * max(sizes) / each / 1e6 for sizes in (measured.sent, measured.received)]
    cells = [f"{max(sizes) / 1000:.0f} kB" for sizes in (measured.sent, measured.received)]
    cells.append(f"{rate[0]:.1f} and {rate[1]:.1f} Mbit/s")
    return " | ".join([*cells, *(f"{statistics.median(times):.0f} ms" for times in taken)])


def filled(model: Sortformer, latency: float, measured: Measured) -> tuple[ActivityStream, ActivityStream]:
    """A stream here and one on the pool, both with a full cache, which is filled in a few large steps."""
    here = model.open(10.0)
    sound = noise(FILL)
    while here.needed <= len(sound):
        count = here.needed
        here.feed(sound[:count])
        sound = sound[count:]
    there = PoolStream(measured.ask, latency)
    there._state = here.save()
    here._latency = LATENCIES[latency]
    return here, there


if __name__ == "__main__":
    main()
