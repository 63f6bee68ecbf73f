"""The price of an inference pool: the same speech in a service alone, and in one whose windows a pool decodes.

Everything is on this computer: a service alone, a service with a pool of one replica without Ray, one with Ray Serve,
and one with Ray Serve whose readers get captions over a bus, in turns. Captions are measured where readers get them.
Needs the extra `ray` and redis-server. `python -m benchmarks.pool`
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import psutil
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.models import Model, find
from benchmarks.paths import CACHE, ROOT
from benchmarks.recordings import recordings
from benchmarks.runs import Run, error_rate, family, run
from benchmarks.scores import State, percentile
from benchmarks.systems import Answer, Start, Surtitle, messages
from benchmarks.talk import Talk, talk
from surtitle.audio import RATE
from surtitle.core.errors import Unreachable
from surtitle.inference.recognition import create_recognition
from surtitle.pool.address import PoolAddress
from surtitle.pool.client import PoolClient
from surtitle.pool.messages import pack_features, unpack_features
from surtitle.speech.pool.decoder import PoolDecoder
from surtitle.speech.whisper.engine import WhisperEngine
from surtitle.speech.whisper.features import LogMel
from surtitle.speech.whisper.pieces import Window
from tests.bus.redis_server import redis_server
from tests.inference.pool_server import pool_server
from tests.inference.ray_process import RayPool, ray_pool

WEIGHTS = "base"
TITLES = {
    "alone": "one process alone",
    "http": "a pool without Ray",
    "ray": "a pool on Ray Serve",
    "bus": "a pool on Ray Serve, and a bus",
}
WINDOW = 8.0  # seconds of sound in the window that is decoded again and again
WINDOWS = 40  # of each
READER_PATIENCE = 5.0  # seconds until a reader has what the publisher has
CORES = 2  # of the replica: as many as the process alone uses here


@dataclass(frozen=True)
class ReadSurtitle(Surtitle):
    """This service, with captions as a reader gets them, which are only those of this run."""

    def start(self, model: Model, port: int, language: str) -> Start:
        started = super().start(model, port, language)
        data = CACHE / "data-of-readers"
        shutil.rmtree(data, ignore_errors=True)
        return Start(started.command, started.folder, {**started.variables, "SURTITLE_SERVE_DATA_DIR": str(data)})

    async def publish(self, socket: ClientConnection, talk: Talk, begun: float, answer: Answer) -> None:
        assert socket.request is not None
        captions = socket.request.path.removesuffix("audio") + "captions"
        published = Answer()
        async with connect(f"ws://127.0.0.1:{socket.remote_address[1]}{captions}", proxy=None, max_size=None) as reader:
            reading = asyncio.create_task(read_captions(reader, begun, answer))
            try:
                await super().publish(socket, talk, begun, published)
                answer.failure = published.failure
                deadline = time.monotonic() + READER_PATIENCE
                while published.states and (not answer.states or answer.states[-1].shown != published.states[-1].shown):
                    if time.monotonic() > deadline:
                        answer.failure = answer.failure or "the reader has other captions than the publisher"
                        break
                    await asyncio.sleep(0.05)
            finally:
                reading.cancel()


async def read_captions(reader: ClientConnection, begun: float, answer: Answer) -> None:
    """Note what a reader gets."""
    captions: dict[str, tuple[str, str]] = {}
    async for message in messages(reader):
        if message["event"] == "caption":
            caption = message["data"]
            captions[caption["id"]] = (caption["text"], caption["text"] + caption.get("tentative", ""))
            committed, shown = (" ".join(column) for column in zip(*captions.values(), strict=True))
            answer.add(State(time.monotonic() - begun, committed, shown))


@dataclass(frozen=True)
class PoolSystem(ReadSurtitle):
    """A service with a pool on the same computer, both started by `serve` below."""

    pool: str = "ray"

    def start(self, model: Model, port: int, language: str) -> Start:
        started = super().start(model, port, language)
        command = [sys.executable, "-m", "benchmarks.pool", "--serve", self.pool, str(port), str(model.directory)]
        return Start(command, started.folder, started.variables)

    def is_ready(self, health: dict[str, Any]) -> bool:
        return health.get("engine") == "pool" and not health.get("notice")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of speech in each run")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--sources", type=int, default=1)
    parser.add_argument("--serve", nargs=3, metavar=("POOL", "PORT", "DIR"), help=argparse.SUPPRESS)
    parser.add_argument("--replica", nargs=2, metavar=("PORT", "DIR"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replica:
        serve_replica(int(options.replica[0]), Path(options.replica[1]))
    elif options.serve:
        kind, port, directory = options.serve
        serve(kind, int(port), Path(directory))
    else:
        model = find(WEIGHTS, {})
        print(describe_windows(model.directory), flush=True)
        spoken = [talk(recordings(model, "en"), options.seconds, source=number) for number in range(options.sources)]
        print(asyncio.run(describe_speech(model, spoken, options.repeats)))


def describe_windows(directory: Path) -> str:
    """A table of one window, decoded in turns in this process and by both pools, one at a time."""
    mel = LogMel(80)
    samples = talk(recordings(find(WEIGHTS, {}), "en"), WINDOW).samples[: round(WINDOW * RATE)]
    mel.feed(samples.astype(np.float32) / np.float32(32768))
    window = Window(unpack_features(pack_features(mel.features())), "en")  # the same numbers for all of them
    own = psutil.Process()
    lines = ["| one window | p50 | p95 | CPU, of all processes |", "|---|---:|---:|---:|"]
    with ExitStack() as stack:
        engine = stack.enter_context(closing(WhisperEngine(directory, WEIGHTS)))
        decoders: dict[str, Any] = {"alone": engine.decoder}
        processes: dict[str, list[psutil.Process]] = {"alone": []}
        for kind in ("http", "ray"):
            url, process = stack.enter_context(running_pool(kind, directory))
            client = stack.enter_context(closing(PoolClient(PoolAddress(url), 4)))
            decoders[kind] = PoolDecoder(client, WEIGHTS, client.describe(WEIGHTS, "recognition"))
            processes[kind] = family(process)
        taken: dict[str, list[float]] = {kind: [] for kind in decoders}
        used: dict[str, float] = dict.fromkeys(decoders, 0.0)
        for number in range(WINDOWS + 3):
            for kind, decoder in decoders.items():
                cpu, start = cpu_seconds([own, *processes[kind]]), time.perf_counter()
                try:
                    decoder.decode(window)
                except Unreachable as error:
                    print(f"left out: {error}", flush=True)
                    continue
                if number >= 3:  # the first ones are slower everywhere
                    taken[kind].append(time.perf_counter() - start)
                    used[kind] += cpu_seconds([own, *processes[kind]]) - cpu
    for kind, values in taken.items():
        cpu_ms = 1000 * used[kind] / len(values)
        lines.append(
            f"| {TITLES[kind]} | {1000 * statistics.median(values):.0f} ms | {1000 * percentile(values, 0.95):.0f} ms "
            f"| {cpu_ms:.0f} ms |"
        )
    return "\n".join(lines) + "\n"


async def describe_speech(model: Model, spoken: list[Talk], repeats: int) -> str:
    """A table of live speech, each way of running in turns."""
    systems = {
        "alone": ReadSurtitle(),
        **{kind: PoolSystem(name=f"pool-{kind}", title=TITLES[kind], pool=kind) for kind in ("http", "ray", "bus")},
    }
    found: dict[str, list[Run]] = {kind: [] for kind in systems}
    for _ in range(repeats):
        for kind, system in systems.items():
            found[kind].append(await run(system, model, spoken))
    lines = [
        "| live speech | first seen, 50 / 95 % | committed, 50 / 95 % | errors | CPU s/s | memory | others' load |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, runs in found.items():
        scores = [score for one in runs for score in one.scores]
        first, committed = (
            f"{percentile(values, 0.5):.2f} / {percentile(values, 0.95):.2f} s"
            for values in ([at for s in scores for at in s.first], [at for s in scores for at in s.commit])
        )
        cpu = sum(one.cpu for one in runs) / sum(one.audio for one in runs)
        peak = max(one.peak for one in runs) / 2**20
        load = statistics.mean(one.load for one in runs)
        cost = f"{error_rate(runs):.1%} | {cpu:.2f} | {peak:.0f} MiB | {load:.0%}"
        lines.append(f"| {TITLES[kind]} | {first} | {committed} | {cost} |")
        lines += [f"  failed: {failure}" for one in runs for failure in one.failures]
    return "\n".join(lines)


def cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


@contextmanager
def running_pool(kind: str, directory: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A pool of one replica: its address, and the process that all of its others descend from."""
    with tempfile.TemporaryDirectory(prefix="pool-") as folder:
        if kind == "ray":
            with ray_pool(RayPool(Path(folder), {WEIGHTS: directory}, cores=CORES)) as pool:
                yield pool.url, pool.processes()[0]
            return
        from tests.support import free_port

        port = free_port()
        command = [sys.executable, "-m", "benchmarks.pool", "--replica", str(port), str(directory)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
        finally:
            process.kill()
            process.wait()


def serve(kind: str, port: int, directory: Path) -> None:
    """A pool, and a service that uses it, until this process is told to end."""
    signal.signal(signal.SIGTERM, _end)
    with ExitStack() as stack:
        url, _ = stack.enter_context(running_pool("ray" if kind == "bus" else kind, directory))
        command = [sys.executable, "-m", "surtitle", "serve", "--inference", url, "--port", str(port)]
        if kind == "bus":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            command += ["--bus", stack.enter_context(redis_server(folder)).url]
        service = subprocess.Popen([*command, "--language", "en"])
        try:
            service.wait()
        finally:
            service.terminate()
            service.wait(30)


def serve_replica(port: int, directory: Path) -> None:
    """One replica without Ray, until this process is killed."""
    replica = create_recognition(WhisperEngine(directory, WEIGHTS, cores=min(CORES, os.cpu_count() or 1)))
    with pool_server({WEIGHTS: replica}, port):
        print("ready", flush=True)
        signal.pause()


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit


if __name__ == "__main__":
    main()
