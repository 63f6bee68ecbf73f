"""Tables and plots of what was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import matplotlib

matplotlib.use("agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from benchmarks import store
from benchmarks.capacity import LIMIT
from benchmarks.paths import RESULTS
from benchmarks.runs import Run, error_rate
from benchmarks.scores import percentile
from benchmarks.systems import SYSTEMS

TITLES = {system.name: system.title for system in SYSTEMS}
MODELS = {"small": "test model", "base": "test model padded to Whisper base"}
COLOURS = dict(zip(TITLES, ("#0072B2", "#56B4E9", "#E69F00", "#009E73"), strict=True))  # told apart by the colour-blind
LINES = dict(zip(TITLES, ("-", ":", "--", "-."), strict=True))
SHARES = (0.5, 0.95, 0.99)

Measure = Callable[[Sequence[Run]], float]


def report() -> None:
    """Write all tables and plots for which there are figures."""
    for part, write in (("compare", _compare), ("capacity", _capacity), ("readers", _readers), ("soak", _soak)):
        if figures := store.load(part):
            write(figures)
            print(f"benchmarks/results/{part}.md and its plots")


def _compare(figures: dict[str, Any]) -> None:
    runs = [store.as_run(one) for one in figures["runs"]]
    parts = []
    for model in _models(runs):
        rows = [
            ("word error rate", "{:.1%}", error_rate),
            *((f"word first seen, p{100 * share:.0f}", "{:.2f} s", _latency("first", share)) for share in SHARES),
            *((f"word committed, p{100 * share:.0f}", "{:.2f} s", _latency("commit", share)) for share in SHARES),
            ("shown words reworded", "{:.1%}", _share("reworded", "shown")),
            ("committed words changed", "{:.1%}", _share("changed", "committed")),
            ("CPU seconds per second of audio", "{:.2f}", _cpu),
            ("peak memory", "{:.0f} MiB", _peak),
        ]
        parts += [
            f"## {MODELS[model][0].upper()}{MODELS[model][1:]}",
            "",
            *_table([one for one in runs if one.model == model], rows),
        ]
    alike = [one for one in runs if (one.system, one.model) == (runs[0].system, runs[0].model)]
    words = sum(score.words for one in alike for score in one.scores)
    text = (
        f"{len(alike)} rounds together, each with another talk of {figures['seconds']:.0f} s ({words} words in all), "
        "and in brackets the median ratio to Surtitle in the same round. Latencies are from the end of a spoken word. "
        f"Other processes, the client among them, took {median(one.load for one in runs):.0%} of the machine."
    )
    _write("compare", "One source", text, parts, figures)
    _plot_latencies(runs)
    _plot_costs(runs)


def _table(runs: Sequence[Run], rows: Sequence[tuple[str, str, Measure]]) -> list[str]:
    systems = [name for name in TITLES if any(one.system == name for one in runs)]
    lines = ["| | " + " | ".join(TITLES[name] for name in systems) + " |", "|---|" + "---:|" * len(systems)]
    for title, form, measure in rows:
        rounds = {name: [one for one in runs if one.system == name] for name in systems}
        ours = [measure([one]) for one in rounds.get("surtitle", [])]
        cells = []
        for name in systems:
            cell = form.format(measure(rounds[name]))
            pairs = zip(rounds[name], ours, strict=False)
            ratios = [measure([one]) / own for one, own in pairs if own > 0]
            cells.append(f"{cell} ({median(ratios):.1f}×)" if ratios and name != "surtitle" else cell)
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _latency(kind: str, share: float) -> Measure:
    return lambda runs: percentile(_latencies(runs, kind), share)


def _latencies(runs: Sequence[Run], kind: str) -> list[float]:
    return [value for one in runs for score in one.scores for value in getattr(score, kind)]


def _share(part: str, whole: str) -> Measure:
    def measure(runs: Sequence[Run]) -> float:
        scores = [score for one in runs for score in one.scores]
        count, total = (sum(int(getattr(score, name)) for score in scores) for name in (part, whole))
        return count / max(1, total)

    return measure


def _cpu(runs: Sequence[Run]) -> float:
    return sum(one.cpu for one in runs) / sum(one.audio for one in runs)


def _peak(runs: Sequence[Run]) -> float:
    return max(one.peak for one in runs) / 2**20


def _plot_latencies(runs: Sequence[Run]) -> None:
    models = _models(runs)
    figure, grid = pyplot.subplots(
        len(models), 2, figsize=(11, 4 * len(models)), squeeze=False, sharey=True, layout="constrained"
    )
    for row, model in zip(grid, models, strict=True):
        for axes, kind, what in zip(row, ("first", "commit"), ("first seen", "committed"), strict=True):
            for name in TITLES:
                own = [one for one in runs if (one.system, one.model) == (name, model)]
                if values := sorted(_latencies(own, kind)):
                    spoken = sum(score.words for one in own for score in one.scores)
                    shares = [(place + 1) / spoken for place in range(len(values))]
                    axes.plot(values, shares, LINES[name], color=COLOURS[name], label=TITLES[name])
            axes.set(
                title=f"{what}, {MODELS[model]}",
                xlabel="seconds after the end of the word",
                xlim=(-0.5, 8),
                ylim=(0, 1),
            )
            axes.grid(alpha=0.3)
        row[0].set_ylabel("share of the spoken words")
    grid[0][0].legend(loc="lower right", fontsize=8)
    _finish(figure, "latency")


def _plot_costs(runs: Sequence[Run]) -> None:
    figure, grid = pyplot.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    _bars(grid[0], runs, _cpu, "CPU seconds per second of audio", "{:.2f}")
    _bars(grid[1], runs, _peak, "peak memory, MiB", "{:.0f}")
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    _finish(figure, "cost")


def _bars(axes: Axes, runs: Sequence[Run], measure: Measure, title: str, form: str) -> None:
    models = _models(runs)
    for place, name in enumerate(TITLES):
        groups = [[one for one in runs if (one.system, one.model) == (name, model)] for model in models]
        heights = [measure(group) if group else 0.0 for group in groups]
        at = [number + 0.22 * (place - 1.5) for number in range(len(models))]
        bars = axes.bar(at, heights, 0.2, color=COLOURS[name], label=TITLES[name])
        axes.bar_label(bars, [form.format(height) for height in heights], fontsize=8)
    axes.set_xticks(range(len(models)), [MODELS[model] for model in models])
    axes.set_title(title)
    axes.margins(y=0.25)


def _capacity(figures: dict[str, Any]) -> None:
    runs = [store.as_run(one) for one in figures["runs"]]
    models = [model for model in MODELS if any(one["model"] == model for one in figures["found"])]
    lines = ["| | " + " | ".join(MODELS[model] for model in models) + " |", "|---|" + "---:|" * len(models)]
    for name, title in TITLES.items():
        cells = []
        for model in models:
            found = [one for one in figures["found"] if (one["system"], one["model"]) == (name, model)]
            sign = "" if found and found[0]["certain"] else "at least "
            cells.append(f"{sign}{found[0]['holds']}" if found else "not measured")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    lines += ["", "| model | system | sources | committed, p95 | word error rate | CPU s/s | failures |"]
    lines += ["|---|---|---:|---:|---:|---:|---|"]
    for one in sorted(runs, key=lambda one: (one.model, one.system, one.sources)):
        latency = f"{percentile(_latencies([one], 'commit'), 0.95):.2f} s"
        cells = [one.model, TITLES[one.system], str(one.sources), latency, f"{error_rate([one]):.1%}"]
        lines.append(
            "| " + " | ".join([*cells, f"{one.cpu / one.audio:.2f}", "; ".join(sorted(set(one.failures)))]) + " |"
        )
    text = (
        f"The largest number of simultaneous real-time sources, each with another talk of {figures['seconds']:.0f} s, "
        f"at which 95 % of the words are committed within {LIMIT:.0f} s after their end, no source fails, and at most "
        "10 words in 100 more come out wrong than with one source. Every run is listed."
    )
    _write("capacity", "Simultaneous sources", text, [*lines, ""], figures)
    figure, grid = pyplot.subplots(
        1, len(models), figsize=(5.5 * len(models), 4), squeeze=False, sharey=True, layout="constrained"
    )
    for axes, model in zip(grid[0], models, strict=True):
        for name in TITLES:
            points: dict[int, list[float]] = {}
            for one in runs:
                if (one.system, one.model) == (name, model):
                    points.setdefault(one.sources, []).append(percentile(_latencies([one], "commit"), 0.95))
            xs = sorted(points)
            axes.plot(xs, [median(points[x]) for x in xs], f"o{LINES[name]}", color=COLOURS[name], label=TITLES[name])
        axes.axhline(LIMIT, color="black", linewidth=0.8, linestyle=":")
        axes.set(title=MODELS[model], xlabel="simultaneous sources", ylim=(0, 4 * LIMIT))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    grid[0][0].set_ylabel("seconds from word to commitment, p95")
    grid[0][0].legend()
    _finish(figure, "capacity")


def _readers(figures: dict[str, Any]) -> None:
    stages = [figures["all"], figures["most"]]
    stopping, total = figures["stopping"], figures["readers"]
    rows: list[tuple[str, str, str]] = [
        *((f"from commit to receipt, p{100 * share:.0f}", f"p{100 * share:.0f}", "{:.0f} ms") for share in SHARES),
        ("the longest", "longest", "{:.0f} ms"),
        ("processor of the service", "cpu", "{:.0%} of one"),
        ("processor seconds per 1,000 revisions received", "cpu_per_1000", "{:.3f}"),
        ("processor of the readers' process", "client_cpu", "{:.0%} of one"),
        ("other processes took of the machine", "load", "{:.0%}"),
        ("revisions put, received by all together", "", ""),
        ("final captions that a reader did not get", "missing_finals", "{}"),
    ]
    lines = [f"| | all {total} read | {stopping} have stopped, the others |", "|---|---:|---:|"]
    for title, key, form in rows:
        cells = [
            form.format(1000 * one[key] if "ms" in form else one[key])
            if key
            else f"{one['revisions']}, {one['received']}"
            for one in stages
        ]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    before, after = (value / 2**20 for value in figures["memory"])
    lines += [
        "",
        f"Of the {stopping} that stopped reading, {figures['let_go']} were let go, and of those that stayed "
        f"{figures['missed']} missed a final caption when they read on. Memory of the service: {before:.0f} MiB "
        f"when all had connected, {after:.0f} MiB at the end.",
        "",
    ]
    text = (
        f"{total} WebSocket readers of one channel, from one process, while somebody speaks: a revision every "
        f"{figures['pause']:.2f} s, {stages[0]['revisions'] // stages[0]['captions']} to a caption. The service is "
        "another process on the same machine. Commit is the moment at which the revision is put into the channel, "
        "receipt the one at which a reader's process has read the bytes from its socket; so the time in which that "
        "process serves the readers before is in it. A revision that a newer one overtakes need not be received, a "
        "final caption has to be."
    )
    _write("readers", "Readers", text, lines, figures)


def _soak(figures: dict[str, Any]) -> None:
    mib = 2**20
    growth = f"{figures['memory_growth']:+.1%}"
    lines = [
        "| | |",
        "|---|---:|",
        f"| audio | {figures['minutes'] / 60:.1f} h, {figures['speed']:.1f} times as fast as it plays |",
        f"| memory, mean of the second hour | {figures['memory_second_hour'] / mib:.1f} MiB |",
        f"| memory, mean of the last hour | {figures['memory_last_hour'] / mib:.1f} MiB ({growth}) |",
        f"| lag, mean of the second hour | {figures['lag_second_hour']:.2f} s |",
        f"| lag, mean of the last hour | {figures['lag_last_hour']:.2f} s |",
        f"| longest lag | {figures['lag_longest']:.2f} s |",
        f"| audio left out | {figures['skipped']:.1f} s |",
        f"| word error rate | {figures['error_rate']:.1%} of {figures['words']} words |",
        f"| captions that repeat the one before | {figures['repeated_captions']} of {figures['captions']} |",
        f"| runs of four words said again at once | {figures['repeated_runs']} "
        f"(in the speech: {figures['repeated_runs_spoken']}) |",
        "",
    ]
    text = (
        "One source of the service, with the test model, fed faster than real time with never more than 50 s on their "
        "way. Lag is from sending the end of a minute of speech to its last caption; it contains what was on its way. "
        "In less than three hours, thirds take the place of hours."
    )
    _write("soak", "Soak", text, lines, figures)
    figure, grid = pyplot.subplots(2, 1, figsize=(9, 6), sharex=True, layout="constrained")
    hours = [(place + 1) / 60 for place in range(len(figures["memory"]))]
    grid[0].plot(hours, [value / mib for value in figures["memory"]], color=COLOURS["surtitle"])
    grid[0].set(
        ylabel="memory, MiB", ylim=(0, 1.2 * max(figures["memory"]) / mib), title="Soak: one source, minute by minute"
    )
    grid[1].plot(hours, figures["lag"], color=COLOURS["surtitle"])
    grid[1].set(ylabel="lag, s", ylim=(0, 1.2 * max(figures["lag"])), xlabel="hours of audio")
    for axes in grid:
        axes.grid(alpha=0.3)
    _finish(figure, "soak")


def _models(runs: Sequence[Run]) -> list[str]:
    return [model for model in MODELS if any(one.model == model for one in runs)]


def _write(name: str, title: str, text: str, lines: Sequence[str], figures: dict[str, Any]) -> None:
    about = figures["about"]
    made = f"`{about['command'].strip()}`, {about['date'][:10]}, {about['processor']}, Python {about['python']}, "
    made += f"faster-whisper {about['faster-whisper']}, WhisperLiveKit {about['whisperlivekit']}."
    (RESULTS / f"{name}.md").write_text("\n".join([f"# {title}", "", text, "", *lines, made, ""]))


def _finish(figure: Any, name: str) -> None:
    figure.savefig(RESULTS / f"{name}.png", dpi=110)
    pyplot.close(figure)
