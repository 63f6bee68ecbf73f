"""`python -m benchmarks` measures everything; see README.md in this folder."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

from benchmarks import whisperlivekit
from benchmarks.capacity import capacity
from benchmarks.compare import compare
from benchmarks.pad import SIZES
from benchmarks.paths import ROOT
from benchmarks.readers import readers
from benchmarks.report import report
from benchmarks.soak import soak
from benchmarks.systems import SYSTEMS, Surtitle, System

PARTS = ("compare", "capacity", "readers", "soak", "report")
AROUND = 12.0  # seconds that a run takes besides its talk
TRIES = 4  # runs that the search for a capacity takes, mostly


def main() -> None:
    options = _options()
    if options.wlk:
        os.environ[whisperlivekit.WHERE] = str(options.wlk.absolute())
    tree = options.tree.absolute()
    systems: list[System] = [
        replace(system, tree=tree) if isinstance(system, Surtitle) else system
        for system in SYSTEMS
        if system.name in options.systems
    ]
    begun = time.monotonic()
    deadline = begun + 60 * options.minutes if options.minutes else None
    parts = PARTS if options.part == "all" else (options.part, "report")
    try:
        if "compare" in parts:
            seconds = _talk(options, 0.45 if "capacity" in parts else 1.0, options.repeats * len(systems), 30.0, 150.0)
            asyncio.run(compare(systems, options.models, seconds, options.repeats))
        if "capacity" in parts:
            share = 0.5 if "compare" in parts else 0.95
            seconds = _talk(options, share, TRIES * len(systems), 25.0, 60.0)
            asyncio.run(capacity(systems, options.models, seconds, deadline))
        if "readers" in parts:
            asyncio.run(readers(options.readers, 3 if options.quick else 30))
        if "soak" in parts and options.hours:
            asyncio.run(soak(systems[0], options.hours))
    except KeyboardInterrupt:
        print("Stopped: the tables show what was measured until now.")
    report()


def _talk(options: argparse.Namespace, share: float, runs: int, least: float, most: float) -> float:
    """How long talks can be so that the runs with each model take their share of the time."""
    if not options.minutes:
        return most
    return float(max(least, min(most, 60 * options.minutes * share / (runs * len(options.models)) - AROUND)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("part", nargs="?", default="all", choices=["all", *PARTS])
    parser.add_argument("--quick", action="store_true", help="short talks and soak: does it work?")
    parser.add_argument("--minutes", type=float, help="about how long compare and capacity may take together")
    parser.add_argument("--repeats", type=int, default=3, help="rounds of compare (default 3)")
    parser.add_argument("--hours", type=float, default=8.0, help="of audio for the soak; 0 for none (default 8)")
    parser.add_argument("--readers", type=int, default=1000, help="how many read a channel at once (default 1000)")
    parser.add_argument("--models", nargs="+", choices=SIZES, default=[*SIZES])
    names = [system.name for system in SYSTEMS]
    parser.add_argument("--systems", nargs="+", choices=names, default=names)
    parser.add_argument(
        "--wlk", type=Path, help=f"a virtual environment with WhisperLiveKit (or {whisperlivekit.WHERE})"
    )
    parser.add_argument("--tree", type=Path, default=ROOT, help="another checkout whose service is measured")
    options = parser.parse_args()
    if options.quick:
        options.minutes, options.repeats, options.hours = options.minutes or 12.0, 1, min(options.hours, 0.1)
    return options


if __name__ == "__main__":
    main()
