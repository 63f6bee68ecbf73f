"""Follows the spoken language by the recognizer's detections in successive windows. Pure."""

from __future__ import annotations

from surtitle.text.languages import AUTO

_FIRST_THRESHOLDS = (
    (1.0, 0.8),
    (2.0, 0.5),
    (3.0, 0.0),
)  # seconds of voice after which the first language is believed, and its probability
_CHECK_INTERVAL = 2.0  # seconds of voice after which the language is detected again
_MIN_CHANGE_PROBABILITY = 0.8  # probability from which another language is believed
_MIN_CONFIRMATIONS = 2  # detections in a row: one window with a name or a song does not change the language
_MIN_VOICE = 1.5  # seconds of voice in an utterance that are needed to detect its language


class LanguageMonitor:
    """Determines the language, and follows speakers who change it."""

    def __init__(self) -> None:
        self._language = AUTO
        self._asked = 0.0  # seconds of voice in the utterance at the last detection
        self._other = AUTO
        self._times = 0

    def is_due(self, voice: float) -> bool:
        """Whether to detect the language of a window, ``voice`` seconds of voice into the utterance."""
        if self._language == AUTO:
            return True
        if voice < self._asked:
            self._asked = 0.0  # another utterance
        wait = _MIN_VOICE if not self._asked else _CHECK_INTERVAL
        return voice - self._asked >= (wait if not self._times else _CHECK_INTERVAL / 4)

    def observe(self, language: str, probability: float, voice: float) -> str:
        """Take a detection, and return the language to recognize; AUTO while it is unknown."""
        self._asked = voice
        if self._language == AUTO:
            if any(voice >= seconds and probability >= sure for seconds, sure in _FIRST_THRESHOLDS):
                self._language = language
            return self._language
        if language == self._language or probability < _MIN_CHANGE_PROBABILITY:
            self._times = 0
            return self._language
        self._times = self._times + 1 if language == self._other else 1
        self._other = language
        if self._times >= _MIN_CONFIRMATIONS:
            self._language, self._times = language, 0
        return self._language
