"""The small model that the tests of sherpa-onnx use, and what they need."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tests.support import missing

MINIATURE = Path(__file__).parents[2] / "trained_models" / "sherpa_onnx" / "model-en"
"""A streaming transducer that knows 140 words; its README says how it was trained."""


def need_sherpa_onnx() -> None:
    """Skip the test where sherpa-onnx is not installed; in CI it fails."""
    if importlib.util.find_spec("sherpa_onnx") is None:
        missing("sherpa-onnx is needed: run `make .venv/test`")
