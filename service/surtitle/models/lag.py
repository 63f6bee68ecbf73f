"""Decides from the lag of live sources whether a model is too slow for this computer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_MAX_LAG = 5.0  # seconds between a word and its recognition from which a source is behind
_SETTLING = 20.0  # seconds for which a new source, or one with a new model, may be behind
_PATIENCE = 20.0  # seconds of being behind after which the model is too slow
_RECOVERY = 0.5  # of a second behind that is forgiven for each second in step
_MAX_STEP = 5.0  # seconds one observation may stand for: the computer may have been asleep


@dataclass(frozen=True, slots=True)
class SourcePace:
    """How a source keeps pace. ``age`` and ``skipped`` are seconds of audio; ``lag`` is in seconds."""

    key: str
    model: str
    age: float
    lag: float
    skipped: float


class LagMonitor:
    """Watches the sources of one model; pure, the caller has the clock.

    Every second that a source is behind, or has audio left out, counts, and seconds in step are subtracted at half
    the rate: a burst is forgiven, and a model that is behind more than a third of the time is too slow.
    """

    def __init__(self, model: str, now: float) -> None:
        """``now`` in seconds, on the clock of `observe`."""
        self._model = model
        self._since = self._last = now
        self._behind = 0.0
        self._skipped: dict[str, float] = {}

    def observe(self, now: float, sources: Iterable[SourcePace]) -> bool:
        """Whether the model is too slow, by what its live sources say at ``now``."""
        step = min(max(0.0, now - self._last), _MAX_STEP)
        self._last = now
        behind = [self._is_behind(source) for source in self._mine(sources)]
        if now - self._since < _SETTLING:
            return False
        self._behind = self._behind + step if any(behind) else max(0.0, self._behind - step * _RECOVERY)
        return self._behind >= _PATIENCE

    def _mine(self, sources: Iterable[SourcePace]) -> list[SourcePace]:
        """The sources of this model; the others' counters are forgotten."""
        mine = [source for source in sources if source.model == self._model]
        self._skipped = {source.key: self._skipped.get(source.key, source.skipped) for source in mine}
        return mine

    def _is_behind(self, source: SourcePace) -> bool:
        more = source.skipped > self._skipped[source.key]
        self._skipped[source.key] = source.skipped
        return source.age >= _SETTLING and (more or source.lag >= _MAX_LAG)
