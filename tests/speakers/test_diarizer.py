"""The queue before the speaker model, and models that cannot be loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from surtitle.audio import RATE
from surtitle.speakers.diarizer import Diarizer, SpeakerStream, State
from surtitle.speakers.sortformer_kind import SortformerKind
from tests.support import silence, until


def listening(latency: float = 1.04) -> SpeakerStream:
    """Ears that nobody takes anything from."""
    diarizer = Diarizer("none")
    diarizer.state = State("ready")
    return SpeakerStream(diarizer, 1, 0.0, latency)


def test_without_the_extra_there_is_no_diarization(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SortformerKind, "problem", lambda self: "It is missing: install it.")
    ears = Diarizer("model.nemo")
    assert ears.open(0.0, 1.04) is None
    assert ears.state == State("missing", "It is missing: install it.")
    ears.close()


async def test_a_model_that_cannot_be_loaded_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SortformerKind, "problem", lambda self: "")
    broken = tmp_path / "broken.nemo"
    broken.write_bytes(b"no model")
    ears = Diarizer(str(broken))
    try:
        assert ears.open(0.0, 1.04) is not None
        await until(lambda: ears.state.name == "failed", timeout=60)
        assert str(broken) in ears.state.message
        assert "\n" not in ears.state.message
    finally:
        ears.close()


def test_audio_is_taken_in_pieces_without_gaps() -> None:
    ears = listening()
    for _ in range(3):
        ears.put(silence(0.1), live=True)
    ears.skip(RATE)
    ears.put(silence(0.2), live=True)
    pieces = []
    while (piece := ears.take()) is not None:
        pieces.append((piece[0], len(piece[1])))
    assert pieces == [(0, 4800), (20_800, 3200)]


def test_a_live_source_that_is_too_fast_loses_its_oldest_audio() -> None:
    ears = listening()
    for _ in range(300):
        ears.put(silence(0.1), live=True)
    waiting = []
    while (piece := ears.take()) is not None:
        waiting.append(piece)
    assert sum(len(samples) for _, samples in waiting) / RATE < 6
    assert ears.skipped > 24
    position, samples = waiting[-1]
    assert (position + len(samples)) / RATE == pytest.approx(30.0)


def test_more_audio_may_wait_while_the_model_loads() -> None:
    ears = listening()
    ears._diarizer.state = State("loading")
    for _ in range(300):
        ears.put(silence(0.1), live=True)
    assert (piece := ears.take()) is not None
    assert piece[0] == 0
    assert ears.skipped == 0.0


def test_audio_sent_ahead_of_time_may_wait() -> None:
    ears = listening()
    for _ in range(1000):
        ears.put(silence(0.1), live=False)
    assert ears.skipped == 0.0
