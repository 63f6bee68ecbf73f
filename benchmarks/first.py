"""Seconds from `surtitle serve` to the first correct caption of the demo."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from benchmarks import store
from benchmarks.paths import CACHE, ROOT
from benchmarks.runs import Broken, fetch, free_port
from benchmarks.wording import words
from surtitle.demo import SAMPLE, play

RIGHT = 3  # words, the first ones of the sample, that make a caption correct
START = 120.0  # seconds that the service may take
ALL = 180.0  # seconds for everything


async def first(options: Sequence[str], repeats: int) -> None:
    """Start `surtitle serve` with ``options`` and an empty data folder, and play the demo as soon as it answers."""
    found = []
    for _ in range(repeats):
        try:
            found.append(await _once(options))
        except (Broken, TimeoutError, OSError) as error:
            print(f"No correct caption: {error or 'it took too long'}", flush=True)
            continue
        print(" ".join(f"{name} {value}" for name, value in found[-1].items()), flush=True)
        store.save("first", {"options": list(options), "runs": found})


async def _once(options: Sequence[str]) -> dict[str, Any]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as data, (CACHE / "first.log").open("w") as output:
        begun = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "surtitle", "serve", "--port", str(port), "--data-dir", data, *options,
            cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=output, stderr=output,
        )  # fmt: skip
        try:
            async with asyncio.timeout(START):
                while not await asyncio.to_thread(_answers, url):
                    if process.returncode is not None:
                        raise Broken(f"the service ended; see {CACHE / 'first.log'}")
                    await asyncio.sleep(0.05)
            answers = time.monotonic() - begun
            async with asyncio.timeout(ALL):
                caption = await _correct(url, begun)
            engine = await asyncio.to_thread(fetch, f"{url}/healthz")
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
    return {"answers": round(answers, 2), "caption": round(caption, 2), "engine": engine.get("engine")}


async def _correct(url: str, begun: float) -> float:
    """When a caption first began as the sample does, seconds from ``begun``; the demo is repeated until then."""
    lines = SAMPLE.with_suffix(".txt").read_text().splitlines()  # each begins with the name of a voice
    expected = words(" ".join(line.partition(": ")[2] for line in lines))[:RIGHT]
    while True:
        async for message in play(url, "main"):
            if message["type"] in ("partial", "final") and words(message["text"])[:RIGHT] == expected:
                return time.monotonic() - begun


def _answers(url: str) -> bool:
    with suppress(OSError, ValueError):
        return bool(fetch(f"{url}/healthz"))
    return False
