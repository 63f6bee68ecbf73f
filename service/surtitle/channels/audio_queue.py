"""The queue of audio that waits for recognition."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from surtitle.audio import Samples


@dataclass(slots=True)
class Block:
    """Samples that arrived together at ``arrived``, in seconds on the loop's clock.

    ``gap`` samples are missing before them. A block without samples requests a flush.
    """

    samples: Samples
    arrived: float
    gap: int = 0


class Backlog:
    """One source's queue, in the order of its audio. Its length is in samples."""

    def __init__(self) -> None:
        self._blocks: deque[Block] = deque()
        self._samples = 0

    def __len__(self) -> int:
        return self._samples

    def __bool__(self) -> bool:
        """Whether anything waits, including a flush."""
        return bool(self._blocks)

    @property
    def oldest(self) -> Block:
        """The block that has waited longest."""
        return self._blocks[0]

    def put(self, samples: Samples, arrived: float, gap: int = 0) -> None:
        self._blocks.append(Block(samples, arrived, gap))
        self._samples += len(samples)

    def flush(self, arrived: float) -> None:
        """Request a flush: the audio so far is to become final."""
        self.put(np.zeros(0, dtype=np.float32), arrived)

    def take(self, size_limit: int) -> Block:
        """Remove the next blocks and return them as one of about ``size_limit`` samples; stops at a gap or a flush."""
        first = self._blocks.popleft()
        taken = [first]
        size = len(first.samples)
        while first.samples.size and self._blocks and size < size_limit:
            if self._blocks[0].gap or not self._blocks[0].samples.size:
                break
            taken.append(self._blocks.popleft())
            size += len(taken[-1].samples)
        self._samples -= size
        return Block(np.concatenate([block.samples for block in taken]), first.arrived, first.gap)

    def skip(self, keep: int) -> int:
        """Skip the oldest audio until ``keep`` samples wait. Returns the number of samples skipped.

        They become one long gap, because each gap ends an utterance.
        """
        gap = lost = 0
        while self._samples > keep and len(self._blocks) > 1:
            block = self._blocks.popleft()
            lost += len(block.samples)
            gap += block.gap + len(block.samples)
            self._samples -= len(block.samples)
        self._blocks[0].gap += gap
        return lost

    def clear(self) -> int:
        """Remove everything. Returns the number of samples, with those of gaps."""
        removed = self._samples + sum(block.gap for block in self._blocks)
        self._blocks.clear()
        self._samples = 0
        return removed
