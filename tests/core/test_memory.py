from __future__ import annotations

import sys

import psutil
import pytest

from surtitle.core.memory import trim_heap


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have another C library")
def test_what_is_free_between_things_that_stay_is_given_back() -> None:
    things = [bytes(4096) for _ in range(20_000)]
    things = things[::10]
    before = psutil.Process().memory_info().rss
    trim_heap()
    assert psutil.Process().memory_info().rss < before - 40 * 2**20
    assert len(things) == 2000
