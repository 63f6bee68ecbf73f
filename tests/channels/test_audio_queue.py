from __future__ import annotations

import numpy as np

from surtitle.audio import Samples
from surtitle.channels.audio_queue import Backlog


def samples(*values: int) -> Samples:
    return np.array(values, dtype=np.float32)


def filled(*blocks: Samples) -> Backlog:
    backlog = Backlog()
    for number, block in enumerate(blocks):
        backlog.put(block, float(number))
    return backlog


def test_blocks_are_taken_together_up_to_a_step() -> None:
    backlog = filled(samples(1, 2), samples(3, 4), samples(5, 6))
    block = backlog.take(3)
    assert (list(block.samples), block.arrived, block.gap) == ([1, 2, 3, 4], 0.0, 0)
    assert (len(backlog), backlog.oldest.arrived) == (2, 2.0)


def test_a_flush_stands_between_what_came_before_and_after() -> None:
    backlog = filled(samples(1))
    backlog.flush(1.0)
    backlog.put(samples(2), 2.0)
    assert [list(backlog.take(9).samples) for _ in range(3)] == [[1], [], [2]]
    assert not backlog


def test_what_is_left_out_is_one_gap_before_the_rest() -> None:
    backlog = filled(samples(1, 2), samples(3), samples(4, 5), samples(6))
    assert backlog.skip(3) == 3
    assert backlog.skip(2) == 2
    block = backlog.take(9)
    assert (list(block.samples), block.gap) == ([6], 5)


def test_the_newest_block_always_stays() -> None:
    backlog = filled(samples(1, 2, 3))
    assert (backlog.skip(1), len(backlog)) == (0, 3)
    backlog.clear()
    assert (len(backlog), bool(backlog)) == (0, False)
