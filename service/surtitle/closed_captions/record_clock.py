"""The relation of OBS's recording to a channel's clock, from what OBS says about it now and then. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import median

from surtitle.captions.fit import Piece

_MAX_LAG = 1.0  # seconds by which a position may be behind, because frames wait in OBS's encoder
_SAMPLES = 8  # positions from which it is taken how far they are behind
_SETTLING = 10.0  # seconds from the beginning of a piece in which its offset is measured
_TOLERANCE = 0.3  # seconds by which a position may then differ from what is expected before a new piece begins


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

    A pause is found by the position, which stands still meanwhile: no status has to come at its beginning or end. A
    position is behind what is being recorded by the frames in OBS's encoder, which may be half a second. There are none
    when recording starts, so the first positions show the offset, and the later ones how many wait. An encoder may keep
    them during a pause.
    """

    def __init__(self, pieces: tuple[Piece, ...] = ()) -> None:
        """``pieces`` are those that were found earlier; the last one continues if it has not ended."""
        self.pieces = pieces
        self._running = bool(pieces) and math.isinf(pieces[-1].length)
        self._position = pieces[-1].position if pieces else 0.0  # the last that is known
        self._reported = 0.0  # the position of the last status
        self._since = -math.inf  # when the piece was first seen
        self._behind: list[float] = []  # the newest seconds by which positions of the piece were behind
        self._held = 0.0  # seconds of frames that wait in the encoder, as measured before the last pause

    def is_another(self, status: RecordStatus) -> bool:
        """Whether the status is that of another recording: its file is shorter than is known."""
        return status.active and status.position < self._position - self._held - _TOLERANCE

    def note(self, status: RecordStatus, clock: float) -> bool:
        """Note the status at ``clock`` seconds. Returns whether `pieces` have changed."""
        before = self.pieces
        if status.active and not status.paused:
            self._continue(status.position, clock)
        elif self._running:
            if self._behind:
                self._held = max(0.0, median(self._behind))
            self._end(status.position + self._held if status.active else clock + self.pieces[-1].offset)
        elif status.paused and status.position > self._reported:  # the encoder gives frames away during the pause
            self._held = max(0.0, self._held - (status.position - self._reported))
        self._reported = status.position
        return self.pieces != before

    def _continue(self, position: float, clock: float) -> None:
        seen = position - clock  # the offset, less the lag
        if not self.pieces or not self._running:
            self._begin(seen + self._held, clock)
        elif clock - self._since <= _SETTLING:
            last = self.pieces[-1]
            if seen < last.offset - _MAX_LAG:  # it was paused and resumed since the last status
                self._end(self._position)
                self._begin(seen, clock)
            elif seen + self._held > last.offset:
                self.pieces = (*self.pieces[:-1], replace(last, start=last.position - seen - self._held))
            self._behind = [*self._behind[1 - _SAMPLES :], self.pieces[-1].offset - seen]
        else:
            self._follow(seen, clock)
        self._running, self._position = True, max(position, self.pieces[-1].position)

    def _follow(self, seen: float, clock: float) -> None:
        """Compare with what is expected, which is not met after a pause, or where clocks drift apart."""
        behind = self.pieces[-1].offset - seen
        if not self._behind:  # after a restart of the service
            self._behind = [min(max(behind, 0.0), _MAX_LAG)]
        lag = median(self._behind)
        if abs(behind - lag) > _TOLERANCE:
            self._end(self._position)
            self._begin(seen + lag, -math.inf)
            self._behind = [lag]

    def _begin(self, offset: float, clock: float) -> None:
        self.pieces += (Piece(self._position - offset, self._position),)
        self._since, self._behind = clock, []

    def _end(self, position: float) -> None:
        last = self.pieces[-1]
        self._position = max(position, last.position)
        self.pieces = (*self.pieces[:-1], replace(last, length=self._position - last.position))
        self._running = False
