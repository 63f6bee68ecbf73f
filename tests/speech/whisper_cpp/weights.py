"""What the tests of whisper.cpp need."""

from __future__ import annotations

import importlib.util

from tests.support import missing


def need_whisper_cpp() -> None:
    """Skip the test where pywhispercpp is not installed; in CI it fails."""
    if importlib.util.find_spec("pywhispercpp") is None:
        missing("pywhispercpp is needed: run `make .venv/test`")
