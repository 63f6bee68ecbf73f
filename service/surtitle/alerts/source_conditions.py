"""What can be wrong with a source: it has stopped, it is silent, nothing is recognized, or captions are late. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from surtitle.alerts.condition import Condition
from surtitle.channels.backup import AUDIBLE
from surtitle.channels.settings import AlertSettings
from surtitle.core.wire.alerts import AlertKind

_SPEECH = -45.0  # decibels below full scale from which audio is loud enough to be speech
_PAUSE = 3.0  # seconds between two words for which a source is not silent
_WORDS_APART = 10.0  # seconds without words, or without sound, which are part of a talk
_MIN_SPEECH = 3  # reports of speech in that time: in music, voice may be detected for a moment
_LATE_FOR = 2.0  # seconds for which captions must be late: one slow step is no trouble


@dataclass(frozen=True, slots=True)
class SourceReport:
    """A source at one moment.

    ``lost``: it has ended without its client wanting that. ``seconds`` of audio have arrived, and the newest is at
    ``level`` dBFS, with a voice in it if ``speaking``; ``words`` were committed so far, ``lag`` seconds late.
    ``ignored``: its channel is paused. ``standby``: it is not captioned, because another source is.
    """

    name: str
    connected: bool = True
    lost: bool = False
    seconds: float = 0.0
    level: float = 0.0
    speaking: bool = True
    words: int = 0
    lag: float = 0.0
    ignored: bool = False
    standby: bool = False


class SourceConditions:
    """The conditions of one source, from its first report at ``now`` on."""

    def __init__(self, now: float) -> None:
        self._conditions: Mapping[AlertKind, Condition] = {
            kind: Condition() for kind in ("stopped", "no_sound", "no_words", "lag")
        }
        self._seconds = 0.0
        self._words = 0
        self._last_sound = self._last_word = now
        self._speech: deque[float] = deque()  # when somebody spoke

    @property
    def active(self) -> list[AlertKind]:
        return [kind for kind, condition in self._conditions.items() if condition.active]

    def update(self, report: SourceReport, settings: AlertSettings, now: float) -> list[tuple[AlertKind, bool]]:
        """Note a report; returns the conditions that have become active (True) or are over (False)."""
        self._note(report, now)
        found = []
        for kind, bad, threshold, after in self._judge(report, settings, now):
            changed = self._conditions[kind].update(bad if threshold else False, after, now)
            if changed is not None:
                found.append((kind, changed))
        return found

    def _note(self, report: SourceReport, now: float) -> None:
        if report.seconds > self._seconds or report.ignored:
            if report.level >= AUDIBLE or report.ignored:
                self._last_sound = now
            if report.level >= _SPEECH and report.speaking:
                self._speech.append(now)
        while self._speech and now - self._speech[0] > _WORDS_APART:
            self._speech.popleft()
        unread = report.ignored or report.standby
        if report.words != self._words or unread:
            self._last_word = now
        self._seconds, self._words = report.seconds, report.words

    def _judge(
        self, report: SourceReport, settings: AlertSettings, now: float
    ) -> Iterator[tuple[AlertKind, bool | None, float, float]]:
        """For each condition whether it is bad, its threshold, and for how long it must be bad."""
        gone = report.lost or not report.connected
        unheard = gone or report.ignored
        unread = unheard or report.standby
        yield "stopped", gone, settings.silence, 0.0 if report.lost else settings.silence
        silent = now - self._last_sound >= _PAUSE
        yield "no_sound", None if unheard else silent, settings.silence, max(0.0, settings.silence - _PAUSE)
        wordless: bool | None = now - self._last_word >= _WORDS_APART
        if wordless and len(self._speech) < _MIN_SPEECH:
            wordless = None  # nobody speaks
        yield "no_words", None if unread else wordless, settings.wordless, max(0.0, settings.wordless - _WORDS_APART)
        late = True if report.lag >= settings.lag else False if report.lag < settings.lag / 2 else None
        yield "lag", None if unread else late, settings.lag, _LATE_FOR
