"""Determines the spoken language from the recognizer's detections in successive windows. Pure."""

from __future__ import annotations

from surtitle.text.languages import AUTO

_FIRST_THRESHOLDS = (
    (1.0, 0.8),
    (2.0, 0.5),
    (3.0, 0.0),
)  # seconds of voice and probability that are required for the first language
_CHECK_INTERVAL = 2.0  # seconds of voice after which the language is detected again
_MIN_CHANGE_PROBABILITY = 0.8  # required for another language
_MIN_CONFIRMATIONS = 2  # detections in a row, so that one window with a name or a song does not change the language
_MIN_VOICE = 1.5  # seconds of voice in an utterance required to detect its language


class LanguageMonitor:
    """Determines the language, and follows speakers who change it."""

    def __init__(self) -> None:
        self._language = AUTO
        self._checked_at = 0.0  # seconds of voice in the utterance at the last detection
        self._candidate = AUTO
        self._confirmations = 0

    def is_due(self, voice: float) -> bool:
        """Whether to detect the language of a window, ``voice`` seconds of voice into the utterance."""
        if self._language == AUTO:
            return True
        if voice < self._checked_at:
            self._checked_at = 0.0  # another utterance
        wait = _MIN_VOICE if not self._checked_at else _CHECK_INTERVAL
        return voice - self._checked_at >= (wait if not self._confirmations else _CHECK_INTERVAL / 4)

    def observe(self, language: str, probability: float, voice: float) -> str:
        """Record a detection and return the language to recognize, or AUTO while it is unknown."""
        self._checked_at = voice
        if self._language == AUTO:
            if any(voice >= seconds and probability >= minimum for seconds, minimum in _FIRST_THRESHOLDS):
                self._language = language
            return self._language
        if language == self._language or probability < _MIN_CHANGE_PROBABILITY:
            self._confirmations = 0
            return self._language
        self._confirmations = self._confirmations + 1 if language == self._candidate else 1
        self._candidate = language
        if self._confirmations >= _MIN_CONFIRMATIONS:
            self._language, self._confirmations = language, 0
        return self._language
