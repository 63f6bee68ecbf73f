"""The systems one after the other, and again, on the same talks."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import store
from benchmarks.models import build
from benchmarks.pad import SIZES
from benchmarks.runs import Broken, Run, error_rate, run
from benchmarks.scores import percentile
from benchmarks.systems import System
from benchmarks.talk import talk


async def compare(systems: Sequence[System], sizes: Sequence[str], seconds: float, repeats: int) -> None:
    """One source of a new talk in each round; every system hears it once with each model."""
    runs: list[Run] = []
    for number in range(repeats):
        spoken = talk(number, seconds)
        turn = number % len(systems)
        for size in sizes:
            for system in [*systems[turn:], *systems[:turn]]:
                try:
                    runs.append(await run(system, build(SIZES[size]), [spoken], patience=60.0))
                except Broken as error:
                    print(error, flush=True)
                    continue
                print(line(runs[-1]), flush=True)
                store.save("compare", {"seconds": seconds, "runs": [store.as_json(one) for one in runs]})


def line(one: Run) -> str:
    """A run in one line."""
    commit = [value for score in one.scores for value in score.commit]
    return (
        f"{one.model:6}{one.system:15}{one.sources:3} sources  WER {error_rate([one]):6.1%}  "
        f"commit p50 {percentile(commit, 0.5):5.2f} s  p95 {percentile(commit, 0.95):5.2f} s  "
        f"CPU {one.cpu / one.audio:5.2f} s/s  {one.peak / 2**20:5.0f} MiB  {'; '.join(sorted(set(one.failures)))}"
    )
