"""One app at a time for each data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from surtitle import __version__
from surtitle.desktop.single_instance import AlreadyRunning, Running, SingleInstance, wait_for_running


def test_a_second_one_is_refused_and_finds_the_first(tmp_path: Path) -> None:
    with SingleInstance(tmp_path) as first:
        assert wait_for_running(tmp_path, 0) is None
        with pytest.raises(AlreadyRunning):
            SingleInstance(tmp_path)
        first.announce("http://127.0.0.1:8000")
        assert wait_for_running(tmp_path, 0) == Running("http://127.0.0.1:8000", __version__)
    assert wait_for_running(tmp_path, 0) is None
    SingleInstance(tmp_path).release()


def test_what_a_killed_app_has_left_is_not_taken_for_a_running_one(tmp_path: Path) -> None:
    (tmp_path / "app-running.json").write_text('{"url": "http://127.0.0.1:8000", "version": "0.0.1"}')
    with SingleInstance(tmp_path):
        assert wait_for_running(tmp_path, 0) is None


def test_damage_counts_as_not_running(tmp_path: Path) -> None:
    (tmp_path / "app-running.json").write_text("{")
    assert wait_for_running(tmp_path, 0) is None
