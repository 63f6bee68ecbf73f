"""Folders of the benchmarks."""

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
CACHE = Path(__file__).with_name(".cache")
RESULTS = Path(os.environ.get("SURTITLE_BENCH_RESULTS") or Path(__file__).with_name("results"))
