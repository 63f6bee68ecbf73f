from __future__ import annotations

import pytest

from surtitle.speech.language_monitor import LanguageMonitor
from surtitle.text.languages import AUTO


def known(language: str = "fr") -> LanguageMonitor:
    monitor = LanguageMonitor()
    assert monitor.observe(language, 0.9, 1.2) == language
    return monitor


@pytest.mark.parametrize(
    ("probability", "voice", "believed"),
    [(0.9, 0.8, False), (0.9, 1.0, True), (0.6, 1.5, False), (0.6, 2.0, True), (0.2, 2.9, False), (0.2, 3.0, True)],
)
def test_a_more_probable_first_language_is_accepted_sooner(probability: float, voice: float, believed: bool) -> None:
    monitor = LanguageMonitor()
    assert monitor.is_due(voice)
    assert monitor.observe("de", probability, voice) == ("de" if believed else AUTO)


def test_another_language_is_accepted_after_two_detections() -> None:
    monitor = known()
    assert not monitor.is_due(2.0)
    assert monitor.is_due(3.2)
    assert monitor.observe("en", 0.95, 3.2) == "fr"
    assert monitor.is_due(3.7)  # asked again soon
    assert monitor.observe("en", 0.95, 3.7) == "en"


def test_a_doubtful_or_single_detection_changes_nothing() -> None:
    monitor = known()
    for language, probability in (("en", 0.95), ("fr", 0.9), ("en", 0.95), ("de", 0.95), ("de", 0.7), ("de", 0.9)):
        assert monitor.observe(language, probability, 5.0) == "fr"


def test_the_language_of_a_new_utterance_is_detected_sooner() -> None:
    monitor = known()
    monitor.observe("fr", 0.9, 9.0)
    assert not monitor.is_due(1.0)
    assert monitor.is_due(1.5)


def test_a_phrase_after_a_pause_changes_the_language_at_once() -> None:
    monitor = known()
    monitor.begin_phrase(5.0)
    assert not monitor.is_due(5.9)
    assert monitor.is_due(6.0)
    assert monitor.holds_words(6.0)
    assert monitor.observe("en", 0.85, 6.0) == "en"
    assert not monitor.holds_words(6.0)
    assert not monitor.is_new_phrase(6.0)
    assert not monitor.is_due(6.5)


def test_an_uncertain_phrase_is_examined_until_it_is_certain() -> None:
    monitor = known()
    monitor.begin_phrase(5.0)
    for voice, language, probability in ((6.0, "en", 0.79), (6.5, "it", 0.3), (7.0, "fr", 0.4)):
        assert monitor.is_due(voice)
        assert monitor.observe(language, probability, voice) == "fr"
        assert not monitor.is_due(voice + 0.4)
    assert not monitor.holds_words(7.1)  # readers do not wait any longer
    assert monitor.is_new_phrase(7.1)
    assert monitor.observe("en", 0.9, 7.5) == "en"


def test_a_phrase_in_the_same_language_is_soon_certain() -> None:
    monitor = known()
    monitor.begin_phrase(5.0)
    assert monitor.observe("fr", 0.5, 6.0) == "fr"
    assert not monitor.holds_words(6.0)
    assert not monitor.is_due(7.9)
    assert monitor.is_due(8.0)


def test_a_phrase_without_a_decision_becomes_like_other_speech() -> None:
    monitor = known()
    monitor.begin_phrase(5.0)
    monitor.observe("en", 0.6, 7.9)
    assert not monitor.is_new_phrase(8.1)
    assert monitor.observe("en", 0.9, 10.0) == "fr"  # needs two detections again
    assert monitor.observe("en", 0.9, 10.5) == "en"


def test_on_a_slow_machine_a_phrase_is_examined_at_the_first_opportunity() -> None:
    monitor = known()
    monitor.begin_phrase(5.0)
    assert monitor.is_due(9.0)
    assert monitor.observe("en", 0.9, 9.0) == "en"


def test_the_first_language_is_not_affected_by_pauses() -> None:
    monitor = LanguageMonitor()
    monitor.begin_phrase(0.0)
    assert not monitor.holds_words(0.5)
    assert monitor.observe("de", 0.9, 1.2) == "de"


def test_an_uncertain_phrase_is_examined_as_a_whole_when_the_speaker_pauses() -> None:
    monitor = known()
    assert not monitor.is_due(2.0, paused=True)  # its language is known
    monitor.begin_phrase(5.0)
    assert monitor.is_due(6.0)
    assert monitor.observe("it", 0.6, 6.0) == "fr"
    assert not monitor.is_due(6.2)
    assert monitor.is_due(6.2, paused=True)
    assert monitor.observe("it", 0.9, 6.2) == "it"
    assert not monitor.is_due(6.4, paused=True)
