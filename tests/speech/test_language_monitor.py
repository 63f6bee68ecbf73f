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
