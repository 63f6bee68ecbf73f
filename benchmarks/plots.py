"""Plots of what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import matplotlib

matplotlib.use("agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from benchmarks.measures import TITLES, Measure, cpu, list_models, peak
from benchmarks.measures import latencies as values_of
from benchmarks.paths import RESULTS
from benchmarks.runs import Run
from benchmarks.scores import percentile

COLORS = dict(zip(TITLES, ("#0072B2", "#E69F00", "#009E73"), strict=True))  # distinct for color-blind people
LINES = dict(zip(TITLES, ("-", "--", "-."), strict=True))


def latencies(part: str, runs: Sequence[Run]) -> None:
    models = list_models(runs)
    figure, grid = pyplot.subplots(
        len(models), 2, figsize=(11, 4 * len(models)), squeeze=False, sharey=True, layout="constrained"
    )
    for row, model in zip(grid, models, strict=True):
        for axes, kind, what in zip(row, ("first", "commit"), ("first seen", "committed"), strict=True):
            for name in TITLES:
                own = [one for one in runs if (one.system, one.model) == (name, model)]
                if values := sorted(values_of(own, kind)):
                    spoken = sum(score.words for one in own for score in one.scores)
                    shares = [(place + 1) / spoken for place in range(len(values))]
                    axes.plot(values, shares, LINES[name], color=COLORS[name], label=TITLES[name])
            axes.set(
                title=f"{what}, Whisper {model}",
                xlabel="seconds after the end of the word",
                xlim=(-0.5, 8),
                ylim=(0, 1),
            )
            axes.grid(alpha=0.3)
        row[0].set_ylabel("share of the spoken words")
    grid[0][0].legend(loc="lower right", fontsize=8)
    _finish(figure, f"{part}-latency")


def costs(part: str, runs: Sequence[Run]) -> None:
    figure, grid = pyplot.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    _bars(grid[0], runs, cpu, "CPU seconds per second of audio", "{:.2f}")
    _bars(grid[1], runs, peak, "peak memory, MiB", "{:.0f}")
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    _finish(figure, f"{part}-cost")


def _bars(axes: Axes, runs: Sequence[Run], measure: Measure, title: str, form: str) -> None:
    models = list_models(runs)
    for place, name in enumerate(TITLES):
        groups = [[one for one in runs if (one.system, one.model) == (name, model)] for model in models]
        heights = [measure(group) if group else 0.0 for group in groups]
        at = [number + 0.24 * (place - 1) for number in range(len(models))]
        bars = axes.bar(at, heights, 0.22, color=COLORS[name], label=TITLES[name])
        axes.bar_label(bars, [form.format(height) for height in heights], fontsize=8)
    axes.set_xticks(range(len(models)), [f"Whisper {model}" for model in models])
    axes.set_title(title)
    axes.margins(y=0.25)


def capacity(runs: Sequence[Run], limit: float) -> None:
    """How soon words are committed with more and more sources."""
    models = list_models(runs)
    figure, grid = pyplot.subplots(
        1, len(models), figsize=(5.5 * len(models), 4), squeeze=False, sharey=True, layout="constrained"
    )
    for axes, model in zip(grid[0], models, strict=True):
        for name in TITLES:
            points: dict[int, list[float]] = {}
            for one in runs:
                if (one.system, one.model) == (name, model):
                    points.setdefault(one.sources, []).append(percentile(values_of([one], "commit"), 0.95))
            xs = sorted(points)
            axes.plot(xs, [median(points[x]) for x in xs], f"o{LINES[name]}", color=COLORS[name], label=TITLES[name])
        axes.axhline(limit, color="black", linewidth=0.8, linestyle=":")
        axes.set(title=f"Whisper {model}", xlabel="simultaneous sources", ylim=(0, 4 * limit))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    grid[0][0].set_ylabel("seconds from word to commitment, p95")
    grid[0][0].legend()
    _finish(figure, "capacity")


def soak(figures: dict[str, Any]) -> None:
    """Memory and lag over hours."""
    mib = 2**20
    figure, grid = pyplot.subplots(2, 1, figsize=(9, 6), sharex=True, layout="constrained")
    hours = [at / 3600 for at in figures["at"]]
    grid[0].plot(hours, [value / mib for value in figures["memory"]], color=COLORS["surtitle"])
    grid[0].set(ylabel="memory, MiB", ylim=(0, 1.2 * max(figures["memory"]) / mib), title="Soak: one source")
    grid[1].plot(hours, figures["lag"], color=COLORS["surtitle"])
    grid[1].set(ylabel="lag, s", ylim=(0, 1.2 * max(figures["lag"])), xlabel="hours of audio")
    for axes in grid:
        axes.grid(alpha=0.3)
    _finish(figure, "soak")


def _finish(figure: Any, name: str) -> None:
    figure.savefig(RESULTS / f"{name}.png", dpi=110)
    pyplot.close(figure)
