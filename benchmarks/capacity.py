"""How many sources at once each system follows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

import psutil

from benchmarks import store
from benchmarks.compare import line
from benchmarks.models import Model
from benchmarks.recordings import Recording
from benchmarks.runs import Broken, Run, error_rate, run
from benchmarks.scores import percentile
from benchmarks.systems import System
from benchmarks.talk import talk

STEPS = (1, 2, 3, 4, 6, 8, 12, 16)  # sources at once; the service accepts no more than 16
LIMIT = 3.0  # seconds of commit latency at p95
MORE_ERRORS = 0.1  # of the spoken words, more than with one source: a system that drops speech does not follow it


async def capacity(
    systems: Sequence[System],
    models: Sequence[Model],
    recordings: Sequence[Recording],
    seconds: float,
    deadline: float | None = None,
) -> None:
    """Search for the largest step that each holds, near what one source costs; until ``deadline`` (monotonic)."""
    runs: list[Run] = []
    found = []
    for model in models:
        for system in systems:
            search = _Search(system, model, recordings, seconds, runs, deadline)
            try:
                result = await search.result()
            except Broken as error:
                print(error, flush=True)
                continue
            if result["holds"] or result["certain"]:
                found.append({"system": system.name, "model": model.name, **result})
                print(f"{model.name:8}{system.name:15} holds {result['holds']} sources", flush=True)
            figures = {"seconds": seconds, "found": found, "runs": [store.as_json(one) for one in runs]}
            store.save("capacity", figures, models, recordings)


class _Search:
    def __init__(
        self,
        system: System,
        model: Model,
        recordings: Sequence[Recording],
        seconds: float,
        runs: list[Run],
        deadline: float | None,
    ) -> None:
        self._system, self._model, self._recordings = system, model, recordings
        self._seconds, self._runs, self._deadline = seconds, runs, deadline
        self._single: list[Run] = []
        self._out_of_time = False

    async def result(self) -> dict[str, int | bool]:
        """The largest step that was held, and whether the search came to its end."""
        self._single = _measured_alone(self._system.name, self._model.name) or [await self._run(1)]
        cost = median(one.cpu / one.audio for one in self._single)
        affordable = [step for step in STEPS if step * cost <= 0.8 * (psutil.cpu_count() or 1)]
        place = max(0, len(affordable) - 1)
        best, failed = -1, len(STEPS)
        while best + 1 < failed and not self._out_of_time:
            if await self._holds(STEPS[place]):
                best = place
                place += 1
            else:
                failed = place
                place = max(best + 1, place - 1)
        return {"holds": STEPS[best] if best >= 0 else 0, "certain": not self._out_of_time}

    async def _holds(self, sources: int) -> bool:
        """Whether it follows; a narrow failure is tried once more."""
        for attempt in range(2):
            if self._deadline is not None and time.monotonic() + self._seconds > self._deadline:
                self._out_of_time = True
                return False
            one = await self._run(sources, attempt)
            latency = percentile([value for score in one.scores for value in score.commit], 0.95)
            if latency < LIMIT and not one.failures and error_rate([one]) <= error_rate(self._single) + MORE_ERRORS:
                return True
            if not latency < 2 * LIMIT:
                break
        return False

    async def _run(self, sources: int, attempt: int = 0) -> Run:
        talks = [talk(self._recordings, self._seconds, 100 + attempt, source) for source in range(sources)]
        one = await run(self._system, self._model, talks)
        self._runs.append(one)
        print(line(one), flush=True)
        return one


def _measured_alone(system: str, model: str) -> list[Run]:
    """The runs with one source that `compare` made."""
    figures = store.load("compare")
    runs = [store.as_run(one) for one in figures["runs"]] if figures else []
    return [one for one in runs if (one.system, one.model) == (system, model)]
