"""All recognizers side by side, on the virtual clock: `python -m benchmarks.engines`.

Each runs in a process of its own, so that its peak memory is its own. Processor time includes that of processes which
the recognizer starts. Where whisper.cpp is installed, it runs the same weights as faster-whisper, converted.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import psutil

from benchmarks import clock, store
from benchmarks.models import find
from benchmarks.paths import RESULTS
from benchmarks.recordings import recordings
from benchmarks.scores import percentile
from benchmarks.talk import Talk, talk
from surtitle.speech.whisper_cpp.convert import convert

WEIGHTS = ("tiny.en", "base")
ALIGNER = "base"  # the model that finds the times of words
TIMEOUT = 3600.0  # seconds for one recognizer


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "FILE"), help="only this model, with a pickled talk")
    parser.add_argument("--more", action="append", metavar="KIND:NAME", default=[], help="another model")
    parser.add_argument("--weights", nargs="*", default=[*WEIGHTS], help="Whisper models (default tiny.en, base)")
    options = parser.parse_args()
    if options.one:
        model, file = options.one
        print(json.dumps(measure(model, pickle.loads(Path(file).read_bytes()))))
        return
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        talk_file = Path(folder) / "talk"
        talk_file.write_bytes(pickle.dumps(talk(recordings(find(ALIGNER, {}), "en"))))
        for title, model in [*list_models(options.weights, Path(folder)), *((name, name) for name in options.more)]:
            command = [sys.executable, "-m", "benchmarks.engines", "--one", model, str(talk_file)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT)
            figures[title] = json.loads(done.stdout.splitlines()[-1])
            print(title, figures[title], flush=True)
    store.save("engines", figures)
    (RESULTS / "engines.md").write_text(table(figures), encoding="utf-8")


def list_models(weights: list[str], folder: Path) -> list[tuple[str, str]]:
    """The title and the name of each model. Those for whisper.cpp are written to ``folder``."""
    found = [("pocketsphinx", "pocketsphinx")]
    for name in weights:
        directory = find(name, {}).directory
        found.append((f"faster-whisper, {name}", str(directory)))
        for kind, quantize in (("float16", False), ("q8_0", True)):
            file = folder / f"ggml-{name}-{kind}.bin"
            convert(directory, file, quantize=quantize)
            found.append((f"whisper.cpp, {name} ({kind})", f"whisper.cpp:{file}"))
    return found


def measure(model: str, spoken: Talk) -> dict[str, float]:
    """The figures of one recognizer, in this process."""
    before = process_peak()
    process = psutil.Process()
    own = time.process_time

    def process_time() -> float:
        """The processor seconds of this process and of those that it has started."""
        children = [child.cpu_times() for child in process.children(recursive=True)]
        return own() + float(sum(times.user + times.system for times in children))

    engine = clock.load_other(model)
    with mock.patch("time.process_time", process_time if model == "pocketsphinx" else own):
        score, cpu, _ = clock.measure(engine, spoken)
    peak = process_peak() + sum(child.memory_info().rss for child in process.children(recursive=True)) / 2**20
    engine.close()
    return {
        "words": score.words,
        "errors": score.errors,
        **{f"first {share:g}": percentile(score.first, share) for share in (0.5, 0.95)},
        **{f"committed {share:g}": percentile(score.commit, share) for share in (0.5, 0.95)},
        "cpu": cpu,
        "memory": peak,
        "memory before": before,
    }


def process_peak() -> float:
    """The peak memory of this process, in MB."""
    status = Path("/proc/self/status").read_text()  # the maximum of `getrusage` includes the process that started this
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def table(figures: dict[str, dict[str, float]]) -> str:
    """The figures as Markdown."""
    words = next(iter(figures.values()))["words"]
    lines = [
        "# Recognizers on the virtual clock",
        "",
        f"{words:.0f} words of people in English. Seconds from the end of a word; one thread; peak memory of the",
        "process. Other programs ran at the same time: compare the rows with each other.",
        "",
        "| | errors | first seen, 50 / 95 % | committed, 50 / 95 % | CPU s/s | memory |",
        "|---|---|---|---|---|---|",
    ]
    for title, one in figures.items():
        first, committed = (
            f"{one[f'{name} 0.5']:.2f} / {one[f'{name} 0.95']:.2f} s" for name in ("first", "committed")
        )
        errors = f"{one['errors'] / one['words']:.1%}"
        lines.append(f"| {title} | {errors} | {first} | {committed} | {one['cpu']:.2f} | {one['memory']:.0f} MB |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
