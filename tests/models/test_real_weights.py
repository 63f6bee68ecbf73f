"""The weights that the package index carries, loaded and used by faster-whisper itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from surtitle.demo import SAMPLE
from tests.support import error_rate, load


@pytest.mark.parametrize("fixture", ["whisper_base", "whisper_tiny"])
def test_real_weights_recognize_the_demo(request: pytest.FixtureRequest, fixture: str) -> None:
    from faster_whisper import WhisperModel

    directory: Path = request.getfixturevalue(fixture)
    whisper = WhisperModel(str(directory), device="cpu", compute_type="int8", cpu_threads=1)
    segments, _ = whisper.transcribe(load(SAMPLE), language="en", beam_size=1)
    assert error_rate(SAMPLE.with_suffix(".txt").read_text(), " ".join(segment.text for segment in segments)) < 0.1
