"""One app at a time for each data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from surtitle.desktop.single_instance import AlreadyRunning, SingleInstance


def test_a_second_one_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    with SingleInstance(tmp_path), pytest.raises(AlreadyRunning):
        SingleInstance(tmp_path)
    SingleInstance(tmp_path).release()
