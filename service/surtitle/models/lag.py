"""Decides by the lag of live sources whether a model is too slow for this computer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_MAX_LAG = 5.0  # seconds between a word and its recognition; with more, a source is behind
_SETTLING_TIME = 20.0  # seconds during which a new source, or one with a new model, may be behind
_MAX_TIME_BEHIND = 20.0  # seconds of being behind after which the model is too slow
_RECOVERY_RATE = 0.5  # seconds of being behind that each second of keeping up makes good
_MAX_STEP = 5.0  # seconds that one observation may count for: the computer may have been asleep


@dataclass(frozen=True, slots=True)
class SourcePace:
    """How well a source keeps up. ``age`` and ``skipped`` are seconds of audio; ``lag`` is in seconds."""

    key: str
    model: str
    age: float
    lag: float
    skipped: float


class LagMonitor:
    """Monitors the sources of one model; pure, the caller has the clock.

    Adds up the seconds in which a source is behind or audio is skipped, and subtracts half of those in which all keep
    up: a short burst does not matter, and a model that is behind more than a third of the time is too slow.
    """

    def __init__(self, model: str, now: float) -> None:
        """``now`` in seconds, on the clock of `observe`."""
        self._model = model
        self._since = self._last = now
        self._behind = 0.0
        self._skipped: dict[str, float] = {}

    def observe(self, now: float, sources: Iterable[SourcePace]) -> bool:
        """Whether the model is too slow, given the state of its live sources at ``now``."""
        step = min(max(0.0, now - self._last), _MAX_STEP)
        self._last = now
        behind = [self._is_behind(source) for source in self._mine(sources)]
        if now - self._since < _SETTLING_TIME:
            return False
        self._behind = self._behind + step if any(behind) else max(0.0, self._behind - step * _RECOVERY_RATE)
        return self._behind >= _MAX_TIME_BEHIND

    def _mine(self, sources: Iterable[SourcePace]) -> list[SourcePace]:
        """The sources of this model; drops the counters of other sources."""
        mine = [source for source in sources if source.model == self._model]
        self._skipped = {source.key: self._skipped.get(source.key, source.skipped) for source in mine}
        return mine

    def _is_behind(self, source: SourcePace) -> bool:
        more = source.skipped > self._skipped[source.key]
        self._skipped[source.key] = source.skipped
        return source.age >= _SETTLING_TIME and (more or source.lag >= _MAX_LAG)
