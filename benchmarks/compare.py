"""The systems one after the other, and again, on the same talks; with the machine free, or half of it taken."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict

from benchmarks import store
from benchmarks.baseline import baseline
from benchmarks.busy import half_busy
from benchmarks.models import Model
from benchmarks.recordings import Recording
from benchmarks.runs import Broken, Run, error_rate, run
from benchmarks.scores import percentile
from benchmarks.systems import System
from benchmarks.talk import talk

PATIENCE = 60.0  # seconds that a system has after the end of a talk


async def compare(
    systems: Sequence[System],
    models: Sequence[Model],
    recordings: Sequence[Recording],
    seconds: float | None,
    repeats: int,
    *,
    loaded: bool = False,
    language: str | None = None,
) -> None:
    """One source of a new talk in each round; every system hears it once with each model.

    Without ``seconds`` a talk has every recording once. ``loaded``: other processes take half of the machine.
    """
    part = "loaded" if loaded else "compare"
    runs: list[Run] = []
    for number in range(repeats):
        spoken = talk(recordings, seconds, number)
        turn = number % len(systems)
        for model in models:
            for system in [*systems[turn:], *systems[:turn]]:
                try:
                    with half_busy() if loaded else nullcontext(""):
                        runs.append(await run(system, model, [spoken], patience=PATIENCE, language=language))
                except Broken as error:
                    print(error, flush=True)
                    continue
                print(line(runs[-1]), flush=True)
                store.save(
                    part,
                    {
                        "seconds": spoken.seconds,
                        "whole_file": {
                            model.name: asdict(baseline(model, recordings, heard(runs, model.name)))
                            for model in models
                            if heard(runs, model.name)
                        },
                        "runs": [store.as_json(one) for one in runs],
                    },
                    models,
                    recordings,
                )


def heard(runs: Sequence[Run], model: str) -> list[str]:
    """The recordings that one system heard with a model, one entry for each time."""
    own = [one for one in runs if one.model == model]
    return [name for one in own if one.system == own[0].system for names in one.recordings for name in names]


def line(one: Run) -> str:
    """A run in one line."""
    commit = [value for score in one.scores for value in score.commit]
    return (
        f"{one.model:8}{one.system:15}{one.sources:3} sources  WER {error_rate([one]):6.1%}  "
        f"commit p50 {percentile(commit, 0.5):5.2f} s  p95 {percentile(commit, 0.95):5.2f} s  "
        f"CPU {one.cpu / one.audio:5.2f} s/s  {one.peak / 2**20:5.0f} MiB  {'; '.join(sorted(set(one.failures)))}"
    )
