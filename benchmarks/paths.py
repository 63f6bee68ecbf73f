"""Folders of the benchmarks."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
CACHE = Path(__file__).with_name(".cache")
RESULTS = Path(__file__).with_name("results")
