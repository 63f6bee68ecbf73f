"""Other work on the machine."""

from __future__ import annotations

import shutil

import psutil
import pytest

from benchmarks.busy import half_busy


@pytest.mark.parametrize("installed", [True, False])
def test_half_of_the_processors_are_busy_until_the_end(monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    if not installed:
        monkeypatch.setattr(shutil, "which", lambda name: None)
    before = set(psutil.Process().children())
    with half_busy() as command:
        working = set(psutil.Process().children()) - before
        assert working
        assert ("stress-ng" in command) == (installed and shutil.which("stress-ng") is not None)
    assert not any(process.is_running() for process in working)
