"""When the audio of a stream was spoken, across the breaks of the stream. Pure: callers pass the time, in seconds."""

from __future__ import annotations

_MIN_ERROR = 1.0  # seconds by which a measured age may be wrong, plus
_ERROR_RATIO = 0.5  # seconds for each second of it: an HLS playlist begins up to a segment later or earlier
_MAX_MISSING = 60.0  # seconds: a source cannot be resumed after that


class StreamClock:
    """Relates a stream's timestamps to the time of this computer.

    How old the audio is with which a connection begins is only estimated. If the timestamps continue after a break,
    they tell it exactly, and so what is sent again.
    """

    def __init__(self) -> None:
        self._spoken = 0.0  # when the sample at `_timestamp` was spoken
        self._timestamp: float | None = None
        self._end: float | None = None  # when the last sample so far was spoken

    def begin(self, now: float, age: float, timestamp: float | None) -> float:
        """A connection begins with a sample of that ``timestamp``, about ``age`` seconds old. Returns its exact age."""
        if self._timestamp is not None and timestamp is not None:
            exact = now - self._spoken - (timestamp - self._timestamp)
            if abs(exact - age) <= _MIN_ERROR + _ERROR_RATIO * age:
                age = max(0.0, exact)
        self._spoken, self._timestamp, self._end = now - age, timestamp, now - age
        return age

    def advance(self, seconds: float) -> None:
        """Note that this much more audio has been received."""
        if self._end is not None:
            self._end += seconds

    def missing(self, now: float) -> float:
        """For how many seconds nothing was received that was spoken since; 0 before the first connection."""
        return 0.0 if self._end is None else min(_MAX_MISSING, max(0.0, now - self._end))
