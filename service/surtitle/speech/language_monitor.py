"""Which language is spoken, of what a recognizer says about window after window. Pure."""

from __future__ import annotations

from surtitle.text.languages import AUTO

_SURE = ((1.0, 0.8), (2.0, 0.5), (3.0, 0.0))  # a first language is believed after so many seconds of voice, so likely
_EVERY = 2.0  # seconds of voice after which is asked again whether the language is another
_OTHER = 0.8  # probability of another language that is believed
_TIMES = 2  # in a row: one window of a name or a song does not change the language
_ENOUGH = 1.5  # seconds of voice in an utterance from which its language can be told


class LanguageMonitor:
    """Finds the language, and follows speakers who change it."""

    def __init__(self) -> None:
        self._language = AUTO
        self._asked = 0.0  # seconds of voice in the utterance when it was last asked
        self._other = AUTO
        self._times = 0

    def is_due(self, voice: float) -> bool:
        """Whether to ask for the language of a window, ``voice`` seconds of voice into the utterance."""
        if self._language == AUTO:
            return True
        if voice < self._asked:
            self._asked = 0.0  # another utterance
        wait = _ENOUGH if not self._asked else _EVERY
        return voice - self._asked >= (wait if not self._times else _EVERY / 4)

    def observe(self, language: str, probability: float, voice: float) -> str:
        """The language to recognize, now that a window seems to be in ``language``; AUTO while it is not known."""
        self._asked = voice
        if self._language == AUTO:
            if any(voice >= seconds and probability >= sure for seconds, sure in _SURE):
                self._language = language
            return self._language
        if language == self._language or probability < _OTHER:
            self._times = 0
            return self._language
        self._times = self._times + 1 if language == self._other else 1
        self._other = language
        if self._times >= _TIMES:
            self._language, self._times = language, 0
        return self._language
