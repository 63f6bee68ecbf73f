from __future__ import annotations

import sys

import psutil
import pytest

from surtitle.core.memory import trim_heap


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have another C library")
def test_unused_memory_between_used_blocks_is_freed() -> None:
    blocks = [bytes(4096) for _ in range(20_000)]
    blocks = blocks[::10]
    before = psutil.Process().memory_info().rss
    trim_heap()
    assert psutil.Process().memory_info().rss < before - 40 * 2**20
    assert len(blocks) == 2000
