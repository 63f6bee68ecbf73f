"""Audio that a stream sends again after it was reconnected."""

from __future__ import annotations

from surtitle.audio.gaps import PlacedBlock


class Overlap:
    """Leaves out the first ``seconds`` of audio."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._left = max(0.0, seconds)

    def trim(self, block: PlacedBlock) -> PlacedBlock:
        """The part of a block that is to be passed on; its frames may be empty."""
        gap, frames, rate = block
        if not self._left:
            return block
        left = self._left
        self._left = max(0.0, left - gap - len(frames) / rate)
        if left < gap:
            return gap - left, frames, rate
        return 0.0, frames[min(len(frames), round((left - gap) * rate)) :], rate
