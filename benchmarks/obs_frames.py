"""Frames that a real OBS renders late, with and without the script, while the service runs, hangs or is killed.

`python -m benchmarks.obs_frames` streams from two OBS at the same time, of which one has the script, so that the
service and a busy machine disturb both alike; for each script in turns. Writes `results/obs_frames.json` and `.md`.
Needs what `tests/obs` needs.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import store
from benchmarks.paths import RESULTS
from tests.obs.bed import LUA_SCRIPT, PYTHON_SCRIPT, Obs, obs, wait
from tests.obs.test_script import SENTENCES, Service
from tests.support import as_wav, silence, speech

SCRIPTS = {"lua": LUA_SCRIPT, "python": PYTHON_SCRIPT}
STATES = {
    "missing": "no service",
    "there": "connected",
    "hung": "hung while connected",
    "killed": "killed while connected, and started again",
}
FPS = 30
_SETTLE = 3.0  # seconds after the streams have begun, and after the service is connected
_LIVE_TIMEOUT = 60.0  # seconds until sound arrives


@dataclass(frozen=True, slots=True)
class Frames:
    """Of an OBS: all frames, those rendered late, and those not encoded in time."""

    all: int
    late: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What two OBS did during one state of the service.

    ``others`` is the share of the processors that programs other than OBS, the service and this one used.
    """

    script: str
    state: str
    seconds: float
    others: float
    with_script: Frames
    without: Frames


class Meter:
    """Counts frames, and the time of processors, from its creation to `finish`."""

    def __init__(self, beds: Sequence[Obs]) -> None:
        self._beds = beds
        self._began = time.monotonic()
        self._own = _measure_own()
        self._times = psutil.cpu_times()
        self._stats = [bed.request("GetStats") for bed in beds]

    def finish(self) -> tuple[float, float, list[Frames]]:
        """Seconds, the share of the processors that other programs used, and the frames of each OBS."""
        frames = [
            _count_frames(before, bed.request("GetStats")) for bed, before in zip(self._beds, self._stats, strict=True)
        ]
        times, now = psutil.cpu_times(), _measure_own()
        seconds = time.monotonic() - self._began
        busy = sum(times[:3]) - sum(self._times[:3])
        own = sum(spent - self._own.get(process, 0.0) for process, spent in now.items())
        others = max(0.0, busy - own) / seconds / (psutil.cpu_count() or 1)
        return round(seconds, 1), round(others, 3), frames


def _count_frames(before: dict[str, Any], after: dict[str, Any]) -> Frames:
    names = ("renderTotalFrames", "renderSkippedFrames", "outputSkippedFrames")
    return Frames(*(int(after[name]) - int(before[name]) for name in names))


def _measure_own() -> dict[int, float]:
    """Seconds of processors that this process and all it has started have used."""
    found = {}
    this = psutil.Process()
    for one in [this, *this.children(recursive=True)]:
        with suppress(psutil.Error):
            found[one.pid] = sum(one.cpu_times()[:2])
    return found


def measure(script: str, seconds: float) -> Iterator[Turn]:
    """Two OBS that stream, one with the script, and the service in each state for ``seconds``."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        media = folder / "speech.wav"
        media.write_bytes(as_wav(np.concatenate([*map(speech, SENTENCES), silence(1.5)])))
        os.environ["SURTITLE_SERVE_DATA_DIR"] = str(folder / "data")
        service = Service(folder)
        stack.callback(service.kill)
        beds = []
        for own, settings in (("with", {"server": service.url}), ("without", None)):
            (folder / own).mkdir()
            opened = obs(folder / own, media=media, script=settings, file=SCRIPTS[script], fps=FPS)
            beds.append(stack.enter_context(opened))
        for bed in beds:
            bed.stream()
        time.sleep(_SETTLE)
        yield from _measure_states(beds, service, script, seconds)
        for bed in beds:
            bed.stop_stream()


def _measure_states(beds: Sequence[Obs], service: Service, script: str, seconds: float) -> Iterator[Turn]:
    def during(state: str, happening: Callable[[], None] = lambda: None) -> Turn:
        meter = Meter(beds)
        end = time.monotonic() + seconds
        happening()
        time.sleep(max(0.0, end - time.monotonic()))
        took, others, frames = meter.finish()
        return Turn(script, state, took, others, *frames)

    def kill_and_start() -> None:
        service.kill()
        time.sleep(seconds / 2)
        service.start()

    yield during("missing")
    service.start()
    _wait_live(service)
    yield during("there")
    yield during("hung", service.hang)
    service.go_on()
    _wait_live(service)
    yield during("killed", kill_and_start)


def _wait_live(service: Service) -> None:
    """Wait until sound arrives, and more and more of it."""
    wait(lambda: service.seconds() > 0, _LIVE_TIMEOUT)
    before = service.seconds()
    wait(lambda: service.seconds() > before + 1, _LIVE_TIMEOUT)
    time.sleep(_SETTLE)


def table(turns: Sequence[Turn]) -> str:
    """Late frames of all frames, for each script and state, as Markdown."""
    rows = ["| script | service | with the script | without | others took |", "|---|---|---:|---:|---:|"]
    for script in SCRIPTS:
        for state, title in [*STATES.items(), ("", "together")]:
            these = [turn for turn in turns if turn.script == script and state in ("", turn.state)]
            if these:
                sides = [_late([turn.with_script for turn in these]), _late([turn.without for turn in these])]
                others = sum(turn.others * turn.seconds for turn in these) / sum(turn.seconds for turn in these)
                rows.append(f"| `{SCRIPTS[script].name}` | {title} | {' | '.join(sides)} | {100 * others:.0f} % |")
    return "\n".join(rows)


def _late(frames: Sequence[Frames]) -> str:
    late, total = sum(one.late for one in frames), sum(one.all for one in frames)
    return f"{late} of {total} ({100 * late / total:.1f} %)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each state of the service")
    parser.add_argument("--scripts", nargs="+", choices=[*SCRIPTS], default=[*SCRIPTS])
    options = parser.parse_args()
    logging.getLogger("obsws_python").setLevel(logging.CRITICAL)  # while OBS starts, its server does not answer yet
    turns: list[Turn] = []
    for _ in range(options.rounds):
        for script in options.scripts:
            for turn in measure(script, options.seconds):
                turns.append(turn)
                print(turn, flush=True)
                _save(turns, options.seconds)
    print(table(turns))


def _save(turns: Sequence[Turn], seconds: float) -> None:
    store.save("obs_frames", {"fps": FPS, "turns": [asdict(turn) for turn in turns]})
    about = (store.load("obs_frames") or {})["about"]
    (RESULTS / "obs_frames.md").write_text(
        "# Frames that OBS renders late\n\n"
        f"Two OBS 29 stream 320 × 180 at {FPS} frames a second at the same time, one with the script and one without. "
        f'Each state of the service lasts {seconds:g} s, and comes several times. "Others took" is the share of the '
        f"processors that other programs used.\n\n{table(turns)}\n\n"
        f"`python -m benchmarks.obs_frames`, {about['date'][:10]}, {about['processor']}, Python {about['python']}.\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
