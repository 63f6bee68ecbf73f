"""Tables and plots of what was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isnan
from statistics import median
from typing import Any

from benchmarks import plots, store
from benchmarks.baseline import Baseline
from benchmarks.capacity import LIMIT
from benchmarks.measures import (
    TITLES,
    Measure,
    committed,
    cpu,
    latencies,
    latency,
    list_models,
    load,
    peak,
    proportion,
)
from benchmarks.paths import RESULTS
from benchmarks.runs import Run, error_rate, written_rate
from benchmarks.scores import percentile

SHARES = (0.5, 0.95, 0.99)
LANGUAGES = {"fr": "French", "de": "German", "es": "Spanish", "it": "Italian", "pt": "Portuguese", "ja": "Japanese"}
WHOLE_FILE = "the same model on each whole recording, beam 5"


def report() -> None:
    """Write all tables and plots for which there are figures."""
    parts: dict[str, Callable[[dict[str, Any]], None]] = {
        "compare": partial(_compare, "compare", "One source"),
        "loaded": partial(_compare, "loaded", "One source while others take half of the machine"),
        "capacity": _capacity,
        "languages": _languages,
        "readers": _readers,
        "soak": _soak,
        "first": _first,
    }
    for part, write in parts.items():
        if figures := store.load(part):
            write(figures)
            print(f"{RESULTS / part}.md and its plots")


def _compare(part: str, title: str, figures: dict[str, Any]) -> None:
    runs = [store.as_run(one) for one in figures["runs"]]
    parts = []
    for model in list_models(runs):
        whole = Baseline(**figures["whole_file"][model])
        rows = [
            ("word errors", "{:.1%}", error_rate, whole.rate),
            ("errors with case and punctuation", "{:.1%}", written_rate, whole.written_rate),
            *((f"word first seen, p{100 * share:.0f}", "{:.2f} s", latency("first", share), None) for share in SHARES),
            *((f"word committed, p{100 * share:.0f}", "{:.2f} s", latency("commit", share), None) for share in SHARES),
            ("words that were committed", "{:.1%}", committed, None),
            ("shown words reworded", "{:.1%}", proportion("reworded", "shown"), None),
            ("committed words changed", "{:.1%}", proportion("changed", "committed"), None),
            ("CPU seconds per second of audio", "{:.2f}", cpu, None),
            ("peak memory", "{:.0f} MiB", peak, None),
            ("other processes took of the machine", "{:.0%}", load, None),
        ]
        parts += [f"## Whisper {model}", "", *_table([one for one in runs if one.model == model], rows)]
    alike = [one for one in runs if (one.system, one.model) == (runs[0].system, runs[0].model)]
    spoken = sum(score.words for one in alike for score in one.scores)
    text = (
        f"{len(alike)} rounds together, each with a talk of about {figures['seconds']:.0f} s ({spoken} words in all), "
        "and in brackets the median ratio to Surtitle in the same round. Latencies are from the end of a spoken word, "
        "of the words that came out right. Whole file: " + WHOLE_FILE + "."
    )
    _write(part, title, text, parts, figures)
    plots.latencies(part, runs)
    plots.costs(part, runs)


def _table(runs: Sequence[Run], rows: Sequence[tuple[str, str, Measure, float | None]]) -> list[str]:
    systems = [name for name in TITLES if any(one.system == name for one in runs)]
    lines = ["| | " + " | ".join(TITLES[name] for name in systems) + " | whole file |"]
    lines.append("|---|" + "---:|" * (len(systems) + 1))
    for title, form, measure, whole in rows:
        rounds = {name: [one for one in runs if one.system == name] for name in systems}
        ours = [measure([one]) for one in rounds.get("surtitle", [])]
        cells = []
        for name in systems:
            cell = _cell(form, measure(rounds[name]))
            pairs = zip(rounds[name], ours, strict=False)
            ratios = [measure([one]) / own for one, own in pairs if own > 0]
            cells.append(f"{cell} ({median(ratios):.1f}×)" if ratios and name != "surtitle" else cell)
        cells.append("" if whole is None else _cell(form, whole))
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    failures = [f"- {TITLES[one.system]}: {failure}" for one in runs for failure in one.failures]
    return [*lines, "", *([*failures, ""] if failures else [])]


def _cell(form: str, value: float) -> str:
    return "–" if isnan(value) else form.format(value)


def _capacity(figures: dict[str, Any]) -> None:
    runs = [store.as_run(one) for one in figures["runs"]]
    models = list_models(runs)
    lines = ["| | " + " | ".join(f"Whisper {model}" for model in models) + " |", "|---|" + "---:|" * len(models)]
    for name, title in TITLES.items():
        cells = []
        for model in models:
            found = [one for one in figures["found"] if (one["system"], one["model"]) == (name, model)]
            sign = "" if found and found[0]["certain"] else "at least "
            cells.append(f"{sign}{found[0]['holds']}" if found else "not measured")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    lines += ["", "| model | system | sources | committed, p95 | word errors | CPU s/s | others took | failures |"]
    lines += ["|---|---|---:|---:|---:|---:|---:|---|"]
    for one in sorted(runs, key=lambda one: (one.model, one.system, one.sources)):
        p95 = percentile(latencies([one], "commit"), 0.95)
        cells = [one.model, TITLES[one.system], str(one.sources), f"{p95:.2f} s", f"{error_rate([one]):.1%}"]
        cells += [f"{one.cpu / one.audio:.2f}", f"{one.load:.0%}", "; ".join(sorted(set(one.failures)))]
        lines.append("| " + " | ".join(cells) + " |")
    text = (
        "The largest number of simultaneous real-time sources, each with a talk of about "
        f"{figures['seconds']:.0f} s in another order, at which 95 % of the words are committed within {LIMIT:.0f} s "
        "after their end, no source fails, and at most 10 words in 100 more come out wrong than with one source. "
        "Every run is listed."
    )
    _write("capacity", "Simultaneous sources", text, [*lines, ""], figures)
    plots.capacity(runs, LIMIT)


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
        f"Of the {stopping} that stopped reading, {figures['let_go']} were disconnected; of the others, "
        f"{figures['missed']} missed a final caption when they continued. Memory of the service: {before:.0f} MiB "
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
        f"| audio | {figures['hours']:.1f} h, {figures['speed']:.1f} times as fast as it plays |",
        f"| memory, mean of the second hour | {figures['memory_second_hour'] / mib:.1f} MiB |",
        f"| memory, mean of the last hour | {figures['memory_last_hour'] / mib:.1f} MiB ({growth}) |",
        f"| lag, mean of the second hour | {figures['lag_second_hour']:.2f} s |",
        f"| lag, mean of the last hour | {figures['lag_last_hour']:.2f} s |",
        f"| longest lag | {figures['lag_longest']:.2f} s |",
        f"| audio left out | {figures['skipped']:.1f} s |",
        f"| word errors | {figures['error_rate']:.1%} of {figures['words']} words |",
        f"| captions that repeat the one before | {figures['repeated_captions']} of {figures['captions']} |",
        f"| runs of four words said again at once | {figures['repeated_runs']} "
        f"(in the speech: {figures['repeated_runs_spoken']}) |",
        "",
    ]
    text = (
        f"One source of {figures['system']} with Whisper {figures['model']}: recordings in shuffled order, again and "
        "again, sent faster than real time with never more than 50 s waiting. Lag is from sending the end of a "
        "recording to its last caption, so it includes what was waiting. In less than three hours, thirds take the "
        "place of hours."
    )
    _write("soak", "Soak", text, lines, figures)
    plots.soak(figures)


def _languages(figures: dict[str, Any]) -> None:
    runs = [store.as_run(one) for one in figures["runs"]]
    lines = ["| language | spoken words | live | live with `auto` | whole file | `auto` found it after |"]
    lines.append("|---|---:|---:|---:|---:|---:|")
    for language, names in figures["spoken"].items():
        own = [one for one in runs if one.recordings[0][0] in names]
        given, auto = ([one for one in own if (one.language == "auto") is detecting] for detecting in (False, True))
        whole = Baseline(**figures["whole_file"][language]) if language in figures["whole_file"] else None
        times = [seconds for one in auto for seconds in one.detected]
        found = ", ".join("never" if seconds is None else f"{seconds:.1f} s" for seconds in times)
        rates = [f"{error_rate(runs):.1%}" if runs else "" for runs in (given, auto)]
        count = sum(score.words for one in given for score in one.scores)
        cells = [LANGUAGES.get(language, language), str(count), *rates, f"{whole.rate:.1%}" if whole else "", found]
        lines.append("| " + " | ".join(cells) + " |")
    text = (
        "Errors of live captions with Whisper "
        + ", ".join(list_models(runs))
        + ": in words, in Japanese in characters. "
        f"Whole file: {WHOLE_FILE}. The time until `auto` found the language is from the start of the first word to "
        "the report that readers get."
    )
    _write("languages", "Other languages", text, [*lines, ""], figures)


def _first(figures: dict[str, Any]) -> None:
    lines = ["| run | the service answers | first correct caption | engine |", "|---|---:|---:|---|"]
    for number, one in enumerate(figures["runs"], 1):
        lines.append(f"| {number} | {one['answers']:.1f} s | {one['caption']:.1f} s | {one['engine']} |")
    text = "Seconds from starting `surtitle serve` with an empty data folder; the demo is played as soon as it answers."
    _write("first", "The first caption", text, [*lines, ""], figures)


def _write(name: str, title: str, text: str, lines: Sequence[str], figures: dict[str, Any]) -> None:
    about = figures["about"]
    made = f"`{about['command'].strip()}`, {about['date'][:10]}, {about['processor']}, Python {about['python']}, "
    made += f"faster-whisper {about['faster-whisper']}, WhisperLiveKit {about['whisperlivekit']}."
    weights = ", ".join(f"{name} (`model.bin` {digest}…)" for name, digest in about.get("models", {}).items())
    voices = ", ".join(f"{name} ({seconds:.0f} s)" for name, seconds in about.get("voices", {}).items())
    sources = [f"Weights: {weights}. Voices: {voices}.", ""] if voices else []
    (RESULTS / f"{name}.md").write_text("\n".join([f"# {title}", "", text, "", *lines, *sources, made, ""]))
