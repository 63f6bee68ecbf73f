"""When alerts begin and are over, with a clock that the tests set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from surtitle.alerts.channel_watch import AlertChange, ChannelWatch
from surtitle.alerts.condition import Condition
from surtitle.alerts.source_conditions import SourceReport
from surtitle.channels.settings import AlertSettings
from surtitle.core.wire.outputs import OutputState, OutputStatus

SETTINGS = AlertSettings(silence=30, wordless=60, lag=6, output=10)
LOUD, QUIET = -20.0, -70.0


def output(state: OutputState, *, enabled: bool = True) -> OutputStatus:
    return OutputStatus(
        id="o1",
        kind="webhook",
        enabled=enabled,
        language=None,
        delay=0.0,
        target="example.org",
        state=state,
        message="example.org does not answer in time.",
        sent=0,
        skipped=0,
    )


class Watched:
    """A watch whose clock advances a second with each look."""

    def __init__(self, settings: AlertSettings = SETTINGS) -> None:
        self.watch = ChannelWatch()
        self.settings = settings
        self.now = 1000.0
        self.changes: list[tuple[float, str, bool]] = []  # seconds since the beginning, the kind, whether it was raised
        self.messages: list[str] = []
        self._seconds = self._words = 0

    def look(
        self,
        seconds: int,
        outputs: list[OutputStatus] | None = None,
        *,
        live: bool = True,
        words: int = 0,
        sends: bool = True,
        present: bool = True,
        **report: Any,
    ) -> None:
        """Look once a second at a source whose report has these fields, and which says ``words`` words a second."""
        for _ in range(seconds):
            self.now += 1
            self._seconds += sends
            self._words += words
            source = SourceReport("Host", seconds=self._seconds, words=self._words, **report)
            found = self.watch.check([source] if present else [], outputs or [], self.settings, self.now, live=live)
            self._note(found)

    def _note(self, found: list[AlertChange]) -> None:
        self.changes += [(self.now - 1000, one.kind, one.raised) for one in found]
        self.messages += [one.message for one in found]


def test_what_is_bad_and_well_in_turns_raises_no_alert_and_ends_none() -> None:
    condition = Condition(recovery=5)
    assert [condition.update(at % 5 != 0, 10, at) for at in range(60)] == [None] * 60
    assert condition.update(False, 10, 60) is None
    assert condition.update(True, 10, 60) is None
    assert condition.update(True, 10, 69) is None
    assert condition.update(True, 10, 70) is True
    assert [condition.update(at % 3 == 0, 10, at) for at in range(71, 99)] == [None] * 28
    assert condition.update(False, 10, 100) is None
    assert condition.update(None, 10, 104) is None, "unknown: counting begins again"
    assert condition.update(False, 10, 106) is None
    assert condition.update(False, 10, 111) is False
    assert condition.update(False, 10, 200) is None


def test_a_silent_source_is_reported_once_and_once_more_when_it_has_sound() -> None:
    watched = Watched()
    watched.look(20, level=LOUD, words=2)
    watched.look(100, level=QUIET)
    watched.look(1, level=LOUD)  # a click
    watched.look(20, level=QUIET)
    watched.look(20, level=LOUD, words=2)
    assert watched.changes == [(50, "no_sound", True), (147, "no_sound", False)]
    assert watched.messages == [
        "Host sends no sound: check whether it is muted, or the wrong device.",
        "Host has sound again.",
    ]


def test_a_client_that_sends_nothing_is_silent_whatever_its_last_level() -> None:
    watched = Watched()
    watched.look(5, level=LOUD, words=1)
    watched.look(40, level=LOUD, sends=False)
    assert watched.changes == [(35, "no_sound", True)]


def test_pauses_of_a_speaker_are_no_silence_and_no_failure() -> None:
    watched = Watched()
    for _ in range(20):
        watched.look(10, level=LOUD, words=2)
        watched.look(20, level=QUIET)
    assert watched.changes == []


def test_sound_without_words_is_reported_and_words_end_it() -> None:
    watched = Watched()
    watched.look(100, level=LOUD)
    watched.look(30, level=QUIET)  # nobody speaks: that is not known to be well
    watched.look(10, level=LOUD, words=2)
    assert [change for change in watched.changes if change[1] == "no_words"] == [
        (61, "no_words", True),
        (136, "no_words", False),
    ]


def test_noise_that_is_too_quiet_for_speech_needs_no_words() -> None:
    watched = Watched()
    watched.look(300, level=-50.0)
    assert watched.changes == []


def test_a_paused_channel_raises_nothing_and_the_alert_of_before_stays() -> None:
    watched = Watched()
    watched.look(300, level=QUIET, ignored=True)
    assert watched.changes == []
    watched.look(40, level=QUIET)
    watched.look(100, level=LOUD, ignored=True)
    assert [change[1:] for change in watched.changes] == [("no_sound", True)]


def test_a_source_that_loses_its_connection_has_stopped_and_one_that_returns_is_back() -> None:
    watched = Watched()
    watched.look(5, level=LOUD, words=1)
    watched.look(20, level=LOUD, connected=False, sends=False)
    watched.look(10, level=LOUD, words=1)
    assert watched.changes == [], "it was away for less than the threshold"
    watched.look(10, level=LOUD, connected=False, sends=False)
    watched.look(10, level=LOUD, connected=False, lost=True, sends=False, live=False)
    watched.look(10, level=LOUD, words=1)
    assert watched.changes == [(46, "stopped", True), (61, "stopped", False)]
    assert watched.messages == ["Host has lost its connection or failed: start it again.", "Host is back."]


def test_a_source_that_is_lost_for_good_is_forgotten_and_one_that_ends_ends_its_alerts() -> None:
    watched = Watched()
    watched.look(5, level=LOUD, words=1)
    watched.look(700, level=LOUD, lost=True, sends=False, live=False)
    assert watched.changes == [(6, "stopped", True), (607, "stopped", False)]
    assert watched.watch.idle
    watched = Watched()
    watched.look(60, level=QUIET)
    watched.look(1, present=False, live=False)
    assert watched.changes == [(31, "no_sound", True), (61, "no_sound", False)]
    assert watched.messages[1] == "Host has ended."


def test_late_captions_are_reported_and_on_time_at_half_of_the_limit() -> None:
    watched = Watched()
    watched.look(1, level=LOUD, words=1, lag=7.0)  # one slow step
    watched.look(10, level=LOUD, words=1, lag=0.5)
    watched.look(10, level=LOUD, words=1, lag=7.0)
    watched.look(30, level=LOUD, words=1, lag=4.0)
    watched.look(10, level=LOUD, words=1, lag=2.0)
    assert watched.changes == [(14, "lag", True), (57, "lag", False)]
    assert watched.messages[0].startswith("The captions of Host are 7 s late")


def test_an_output_is_reported_while_somebody_publishes() -> None:
    watched = Watched()
    watched.look(60, [output("failed")], live=False, present=False)
    assert watched.changes == []
    watched.look(5, [output("failed")], level=LOUD, words=1)
    watched.look(5, [output("sending")], level=LOUD, words=1)
    watched.look(20, [output("refused")], level=LOUD, words=1)
    watched.look(20, [output("connecting")], level=LOUD, words=1)
    watched.look(20, [output("sending")], level=LOUD, words=1)
    assert watched.changes == [(81, "output", True), (116, "output", False)]
    assert watched.messages == ["example.org does not answer in time.", "example.org takes captions again."]
    watched.look(20, [output("failed")], level=LOUD, words=1)
    watched.look(1, [output("off", enabled=False)], level=LOUD, words=1)
    assert watched.messages[-1] == "Captions are no longer sent to example.org."


def test_a_threshold_of_0_raises_nothing() -> None:
    off = AlertSettings(silence=0, wordless=0, lag=0, output=0)
    looks: list[Callable[[Watched], None]] = [
        lambda one: one.look(200, level=QUIET),
        lambda one: one.look(200, level=LOUD),
        lambda one: one.look(200, level=LOUD, words=1, lag=60.0),
        lambda one: one.look(200, [output("failed")], level=LOUD, words=1),
        lambda one: one.look(200, level=LOUD, lost=True),
    ]
    for look in looks:
        watched = Watched(off)
        look(watched)
        assert watched.changes == []
