"""The raw figures of each part, as JSON in `results/`."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import whisperlivekit
from benchmarks.models import Model
from benchmarks.paths import RESULTS
from benchmarks.recordings import Recording
from benchmarks.runs import Run
from benchmarks.scores import Score

_FOLDERS = ("--model-dir", "--tree", "--wlk")

PACKAGES = ("faster-whisper", "ctranslate2", "onnxruntime", "numpy")


def save(
    part: str, figures: dict[str, Any], models: Sequence[Model] = (), recordings: Sequence[Recording] = ()
) -> None:
    """Write the figures of a part, with the machine, the models and the voices that made them."""
    RESULTS.mkdir(exist_ok=True)
    about = _about() | {
        "models": {model.name: model.digest for model in models},
        "voices": {recording.name: round(recording.seconds, 1) for recording in recordings},
    }
    (RESULTS / f"{part}.json").write_text(json.dumps({"about": about, **figures}, indent=1) + "\n")


def load(part: str) -> dict[str, Any] | None:
    """The figures of a part, if it was measured."""
    path = RESULTS / f"{part}.json"
    return dict(json.loads(path.read_text())) if path.exists() else None


def as_json(run: Run) -> dict[str, Any]:
    figures = asdict(run)
    for one in figures["scores"]:
        for name in ("first", "commit"):
            one[name] = [round(value, 3) for value in one[name]]
    for name in ("cpu", "audio", "load"):
        figures[name] = round(figures[name], 3)
    return figures


def as_run(figures: dict[str, Any]) -> Run:
    return Run(**{**figures, "scores": [Score(**one) for one in figures["scores"]]})


def _about() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "command": " ".join(["python -m benchmarks", *command(sys.argv[1:])]),
        "processor": _processor(),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "whisperlivekit": whisperlivekit.VERSION,
    }


def command(arguments: Sequence[str]) -> list[str]:
    """The arguments without options that name folders of this machine."""
    shown: list[str] = []
    hidden = False
    for argument in arguments:
        if not hidden and not argument.startswith(_FOLDERS):
            shown.append(argument)
        hidden = argument in _FOLDERS
    return shown


def _processor() -> str:
    import psutil

    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    name = names[0].partition(":")[2].strip() if names else platform.processor()
    return f"{name}, {psutil.cpu_count()} processors, {psutil.virtual_memory().total / 2**30:.0f} GiB"
