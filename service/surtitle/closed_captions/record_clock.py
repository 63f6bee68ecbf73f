"""The relation of OBS's recording to a channel's clock, from what OBS says about it now and then. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from surtitle.captions.fit import Piece

_TOLERANCE = 0.15  # seconds by which a position may differ from what is expected before a new piece begins


@dataclass(frozen=True, slots=True)
class RecordStatus:
    """The status of OBS's recording; ``position`` is the length of the file in seconds.

    ``file`` is its path on the computer with OBS, or empty if OBS does not say.
    """

    active: bool
    paused: bool = False
    position: float = 0.0
    file: str = ""


class RecordClock:
    """Derives the pieces of one recording from its status at times on a channel's clock.

    A pause is found by the position, which stands still meanwhile: no status has to come at its beginning or end.
    """

    def __init__(self, pieces: tuple[Piece, ...] = ()) -> None:
        """``pieces`` are those that were found earlier; the last one continues if it has not ended."""
        self.pieces = pieces
        self._running = bool(pieces) and math.isinf(pieces[-1].length)
        self._position = pieces[-1].position if pieces else 0.0  # the last that is known

    def is_another(self, status: RecordStatus) -> bool:
        """Whether the status is that of another recording: its file is shorter than is known."""
        return status.active and status.position < self._position - _TOLERANCE

    def note(self, status: RecordStatus, clock: float) -> bool:
        """Note the status at ``clock`` seconds. Returns whether `pieces` have changed."""
        before = self.pieces
        if status.active and not status.paused:
            self._continue(status.position, clock)
        elif self._running:
            self._end(status.position if status.active else None, clock)
        return self.pieces != before

    def _continue(self, position: float, clock: float) -> None:
        if not self.pieces:
            self.pieces = (Piece(clock - position, 0.0),)
        elif not self._running:
            self.pieces += (Piece(clock - position + self._position, self._position),)
        elif abs(position - (clock + self.pieces[-1].offset)) > _TOLERANCE:
            # it was paused and resumed since the last status, or the clocks drift apart
            self._end(self._position, clock)
            self.pieces += (Piece(clock - position + self._position, self._position),)
        self._running, self._position = True, position

    def _end(self, position: float | None, clock: float) -> None:
        last = self.pieces[-1]
        self._position = clock + last.offset if position is None else position
        self.pieces = (*self.pieces[:-1], replace(last, length=max(0.0, self._position - last.position)))
        self._running = False
