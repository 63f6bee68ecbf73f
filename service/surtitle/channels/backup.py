"""Which sources of a channel are captioned: its main ones, or its backups while all main ones are silent. Pure.

Callers pass the time, in seconds.
"""

from __future__ import annotations

import math

AUDIBLE = -55.0
"""Decibels below full scale from which audio is sound."""

_MIN_SOUND = 1.0  # seconds of sound that a backup must have: a noise is no reason to change
_MAX_PAUSE = 10.0  # seconds without sound after which the count of a backup's sound begins again
_LEAD = 0.3  # seconds before the first sound of a backup, with the beginning of a word
_RETURN = 3.0  # seconds for which a main source must have sound again
_MAX_GAP = 2.0  # seconds without sound within them, and without audio after which a backup is gone
_MAX_OVERTIME = 15.0  # seconds after which the change to the main source does not wait for a pause any longer


class BackupSwitch:
    """Follows all audio as it arrives.

    ``active``: the backups are captioned. After a change, the sources that are captioned from then on begin at
    ``start``; if ``at_pause``, the others leave out what they have not recognized yet, because it comes after `start`.
    """

    def __init__(self) -> None:
        self.active = False
        self.start = 0.0
        self.at_pause = False
        self._main_sound = -math.inf  # when a main source had sound last
        self._main_since = -math.inf  # since when it has had sound, without a long gap
        self._backup_sound = -math.inf
        self._backup_since = -math.inf  # since when a backup has had sound while the main ones have not
        self._backup_seconds = 0.0  # of sound since then
        self._backup_heard = -math.inf  # when audio of a backup arrived last, with or without sound

    def hear_main(self, now: float, *, sound: bool) -> None:
        """Note that audio of a main source has arrived."""
        if sound:
            if now - self._main_sound > _MAX_GAP:
                self._main_since = now
            self._main_sound = now
            self._backup_seconds = 0.0
        if not (self.active and self._is_main_back(now)):
            return
        if now - self._backup_heard > _MAX_GAP:
            self._change(active=False, start=max(self._backup_heard, self._main_since - _LEAD))
        elif now - self._main_since >= _RETURN + _MAX_OVERTIME:
            self._change(active=False, start=now)

    def hear_backup(
        self, now: float, seconds: float, after: float, waiting: float, *, sound: bool, paused: bool
    ) -> None:
        """Note that ``seconds`` of a backup's audio have arrived.

        The backups become active when the main sources have been silent for ``after`` seconds in which a backup has
        had sound. ``waiting`` seconds are not recognized yet; ``paused``: nobody speaks in what is.
        """
        self._backup_heard = now
        if sound:
            if not self._backup_seconds or now - self._backup_sound > _MAX_PAUSE:
                self._backup_since, self._backup_seconds = now - seconds, 0.0
            self._backup_sound = now
            self._backup_seconds += seconds
        if self.active:
            if paused and self._is_main_back(now):
                self._change(active=False, start=now - waiting, at_pause=True)
        elif self._backup_seconds >= _MIN_SOUND and now - self._backup_since >= after:
            self._change(active=True, start=max(self._main_sound, self._backup_since - _LEAD))

    def _is_main_back(self, now: float) -> bool:
        return now - self._main_sound <= _MAX_GAP and now - self._main_since >= _RETURN

    def _change(self, *, active: bool, start: float, at_pause: bool = False) -> None:
        self.active, self.start, self.at_pause = active, start, at_pause
        self._backup_seconds = 0.0
