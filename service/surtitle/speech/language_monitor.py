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
_MIN_PHRASE_VOICE = 1.0  # seconds of voice after a pause in which the language is detected for the first time
_PHRASE_INTERVAL = 0.5  # seconds of voice after which it is detected again, while it is uncertain
_MAX_PHRASE_VOICE = 3.0  # seconds of voice after which a phrase is like any other speech
_MIN_SAME_PROBABILITY = 0.5  # from which a phrase is believed to be in the language of the one before it
_MAX_HELD_VOICE = 2.0  # seconds of voice for which the words of a phrase wait for its language


class LanguageMonitor:
    """Determines the language, and follows speakers who change it.

    They do so between phrases as a rule. So the first seconds of voice after a pause are examined on their own, and a
    single detection in them suffices.
    """

    def __init__(self) -> None:
        self._language = AUTO
        self._checked_at = 0.0  # seconds of voice in the utterance at the last detection
        self._candidate = AUTO
        self._confirmations = 0
        self._phrase: float | None = None  # seconds of voice before the phrase whose language is uncertain
        self._phrase_checked = False  # whether its language has been detected at all: a slow machine takes long steps
        self._next_check = 0.0  # seconds of voice at which the language of the phrase is detected again

    def begin_phrase(self, voice: float) -> None:
        """Note that speech continues after a pause, ``voice`` seconds of voice into the utterance."""
        if self._language != AUTO:
            self._phrase, self._next_check = voice, voice + _MIN_PHRASE_VOICE
            self._phrase_checked = False

    def is_new_phrase(self, voice: float) -> bool:
        """Whether the language of the phrase since the last pause is uncertain, so that only the phrase is examined."""
        if self._phrase is not None and self._phrase_checked and voice - self._phrase > _MAX_PHRASE_VOICE:
            self._phrase = None
        return self._phrase is not None

    def holds_words(self, voice: float) -> bool:
        """Whether the words of the phrase must wait until its language is known."""
        return self.is_new_phrase(voice) and self._phrase is not None and voice - self._phrase <= _MAX_HELD_VOICE

    def is_due(self, voice: float, *, paused: bool = False) -> bool:
        """Whether to detect the language of a window, ``voice`` seconds of voice into the utterance.

        A phrase whose language is uncertain is examined as a whole when the speaker has ``paused`` after it.
        """
        if self._language == AUTO:
            return True
        if self.is_new_phrase(voice):
            return paused or voice >= self._next_check
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
        if self.is_new_phrase(voice):
            return self._observe_phrase(language, probability, voice)
        if language == self._language or probability < _MIN_CHANGE_PROBABILITY:
            self._confirmations = 0
            return self._language
        self._confirmations = self._confirmations + 1 if language == self._candidate else 1
        self._candidate = language
        if self._confirmations >= _MIN_CONFIRMATIONS:
            self._language, self._confirmations = language, 0
        return self._language

    def _observe_phrase(self, language: str, probability: float, voice: float) -> str:
        self._next_check, self._phrase_checked = voice + _PHRASE_INTERVAL, True
        self._confirmations = 0
        if probability >= (_MIN_SAME_PROBABILITY if language == self._language else _MIN_CHANGE_PROBABILITY):
            self._language, self._phrase = language, None
        return self._language
