"""Figures of some runs together, and what the systems are called in tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.runs import Run
from benchmarks.scores import percentile
from benchmarks.systems import SYSTEMS

TITLES = {system.name: system.title for system in SYSTEMS}

Measure = Callable[[Sequence[Run]], float]


def list_models(runs: Sequence[Run]) -> list[str]:
    """The models in the order in which they were measured."""
    return [*dict.fromkeys(one.model for one in runs)]


def latency(kind: str, part: float) -> Measure:
    return lambda runs: percentile(latencies(runs, kind), part)


def latencies(runs: Sequence[Run], kind: str) -> list[float]:
    return [value for one in runs for score in one.scores for value in getattr(score, kind)]


def proportion(part: str, whole: str) -> Measure:
    def measure(runs: Sequence[Run]) -> float:
        scores = [score for one in runs for score in one.scores]
        count, total = (sum(int(getattr(score, name)) for score in scores) for name in (part, whole))
        return count / max(1, total)

    return measure


def committed(runs: Sequence[Run]) -> float:
    """The share of the spoken words that came out right and were committed."""
    return len(latencies(runs, "commit")) / max(1, sum(score.words for one in runs for score in one.scores))


def load(runs: Sequence[Run]) -> float:
    return median(one.load for one in runs)


def cpu(runs: Sequence[Run]) -> float:
    return sum(one.cpu for one in runs) / sum(one.audio for one in runs)


def peak(runs: Sequence[Run]) -> float:
    return max(one.peak for one in runs) / 2**20
