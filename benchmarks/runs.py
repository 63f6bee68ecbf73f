"""One run: a server is started, hears some talks at once, and is stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psutil

from benchmarks.models import Model
from benchmarks.paths import CACHE
from benchmarks.scores import Score, score
from benchmarks.systems import Answer, System, listen
from benchmarks.talk import Talk
from surtitle.audio import RATE

START_PATIENCE = 180.0
STAGGER = 0.37  # seconds between the beginnings of two sources
WARM_UP = 4.0  # seconds of speech that are heard before


class Broken(Exception):
    """A system cannot be measured."""


@dataclass
class Usage:
    """What a tree of processes has used."""

    cpu: float = 0.0  # seconds of processor time
    peak: int = 0  # bytes resident, of all processes together


@dataclass(frozen=True)
class Run:
    """One server with its talks."""

    system: str
    model: str
    sources: int
    audio: float  # seconds, of all talks together
    cpu: float  # seconds
    peak: int  # bytes
    scores: list[Score]
    failures: list[str] = field(default_factory=list)
    transcripts: list[str] = field(default_factory=list)
    load: float = 0.0  # average share of the machine that other processes took
    language: str = "en"  # that the system was started with; of the talks if that was "auto"
    recordings: list[list[str]] = field(default_factory=list)  # names, of each talk
    detected: list[float | None] = field(default_factory=list)  # seconds from the first word to the right language


@asynccontextmanager
async def server(system: System, model: Model, language: str = "en") -> AsyncIterator[tuple[int, psutil.Process]]:
    """The running server, warm; its output goes to a file."""
    port = free_port()
    start = system.start(model, port, language)
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{system.name}.log").open("w") as output:
        process = await asyncio.create_subprocess_exec(
            *start.command,
            cwd=start.folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **start.variables},
            stdout=output,
            stderr=output,
        )
        try:
            await _until_ready(system, port, process)
            yield port, psutil.Process(process.pid)
        finally:
            await _stop(process)


async def run(
    system: System, model: Model, talks: Sequence[Talk], *, patience: float = 20.0, language: str | None = None
) -> Run:
    """Measure a system with some sources at once; ``patience`` is how long after its end a talk may take.

    ``language`` is the one that the system is started with, if not that of the talks. Raises `Broken`.
    """
    spoken = talks[0].language
    async with server(system, model, language or spoken) as (port, process):
        warm_up = head(talks[0], WARM_UP)
        answer = await listen(system, port, 999, warm_up, time.monotonic(), 60.0)
        if answer.failure:
            raise Broken(f"{system.title} does not work: {answer.failure}; see {CACHE / system.name}.log")
        async with measured(process) as usage:
            begun = time.monotonic() + 0.2
            idle = psutil.cpu_times()
            answers = await asyncio.gather(
                *(
                    listen(system, port, number, one, begun + number * STAGGER, patience)
                    for number, one in enumerate(talks)
                )
            )
            wall = time.monotonic() - begun
            busy = sum(psutil.cpu_times()[:3]) - sum(idle[:3])
    pairs = list(zip(talks, answers, strict=True))
    return Run(
        system=system.name,
        model=model.name,
        sources=len(talks),
        audio=sum(one.seconds for one in talks),
        cpu=usage.cpu,
        peak=usage.peak,
        scores=[score(one.words, answer.states, one.language, one.references) for one, answer in pairs],
        failures=[answer.failure for answer in answers if answer.failure],
        transcripts=[answer.states[-1].shown if answer.states else "" for answer in answers],
        load=max(0.0, busy - usage.cpu) / wall / (psutil.cpu_count() or 1),
        language=language or spoken,
        recordings=[list(one.recordings) for one in talks],
        detected=[detected(one, answer) for one, answer in pairs],
    )


def head(talk: Talk, seconds: float) -> Talk:
    """The beginning of a talk."""
    return Talk(talk.samples[: round(seconds * RATE)], (), (), (), talk.language)


def detected(talk: Talk, answer: Answer) -> float | None:
    """Seconds from the start of the first word to the last report that changed to the right language, if any did."""
    right = [at for at, language in answer.languages if language == talk.language]
    wrong = [at for at, language in answer.languages if language not in (talk.language, "auto")]
    since = [at for at in right if at > max(wrong, default=0.0)]
    return since[0] - talk.words[0].start if since and talk.words else None


@asynccontextmanager
async def measured(process: psutil.Process, every: float = 0.2) -> AsyncIterator[Usage]:
    """What the process and its children use meanwhile."""
    usage = Usage()
    first: dict[int, float] = {}
    last: dict[int, float] = {}

    def look() -> None:
        resident = 0
        for one in family(process):
            with suppress(psutil.Error):
                times = one.cpu_times()
                last[one.pid] = times.user + times.system
                first.setdefault(one.pid, last[one.pid] if not usage.peak else 0.0)
                resident += one.memory_info().rss
        usage.cpu = sum(last.values()) - sum(first.values())
        usage.peak = max(usage.peak, resident)

    async def watch() -> None:
        while True:
            look()
            await asyncio.sleep(every)

    look()
    watching = asyncio.create_task(watch())
    try:
        yield usage
    finally:
        watching.cancel()
        look()


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and all its descendants."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def resident(process: psutil.Process) -> int:
    """Bytes, of the process and its descendants."""
    total = 0
    for one in family(process):
        with suppress(psutil.Error):
            total += one.memory_info().rss
    return total


def error_rate(runs: Sequence[Run]) -> float:
    """Errors per spoken word."""
    scores = [score for run in runs for score in run.scores]
    return sum(score.errors for score in scores) / max(1, sum(score.words for score in scores))


def written_rate(runs: Sequence[Run]) -> float:
    """Errors per token with case and punctuation, of the recordings whose reference has both; NaN without any."""
    scores = [score for run in runs for score in run.scores]
    total = sum(score.written for score in scores)
    return sum(score.written_errors for score in scores) / total if total else float("nan")


async def _until_ready(system: System, port: int, process: asyncio.subprocess.Process) -> None:
    url = f"http://127.0.0.1:{port}{system.health}"
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        if process.returncode is not None:
            raise Broken(f"{system.title} ended at once; see {CACHE / system.name}.log")
        with suppress(OSError, ValueError):
            if system.is_ready(await asyncio.to_thread(fetch, url)):
                return
        await asyncio.sleep(0.3)
    raise Broken(f"{system.title} did not become ready; see {CACHE / system.name}.log")


def fetch(url: str) -> dict[str, Any]:
    """The JSON at an address of this machine."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=5.0) as answer:
        return dict(json.loads(answer.read()))


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), 10)
    except TimeoutError:
        process.kill()
        await process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
