"""The language of each piece of a recording, from detections that are sometimes wrong."""

from __future__ import annotations

from surtitle.recordings.spoken_languages import Detection, choose_languages, find_borders, restrict_to_border

# what Whisper base detects in people's speech
GERMAN = Detection(3.3, 0.6, {"de": 0.99, "nn": 0.005})
FRENCH = Detection(2.5, 0.6, {"fr": 0.98, "br": 0.01})
ENGLISH = Detection(2.8, 0.7, {"en": 0.83, "de": 0.03, "fr": 0.02})
WELSH_BY_MISTAKE = Detection(1.6, 0.4, {"cy": 0.9, "en": 0.04})
SHORT = Detection(0.4, 0.3, {})


def test_every_sentence_is_in_its_own_language() -> None:
    assert choose_languages([GERMAN, FRENCH, GERMAN, FRENCH]) == ["de", "fr", "de", "fr"]
    assert choose_languages([GERMAN, FRENCH], "fr") == ["de", "fr"]
    assert choose_languages([FRENCH], "de") == ["fr"]


def test_a_wrong_detection_changes_nothing() -> None:
    assert choose_languages([ENGLISH, WELSH_BY_MISTAKE, ENGLISH]) == ["en"] * 3
    assert choose_languages([WELSH_BY_MISTAKE], "en") == ["en"]
    assert choose_languages([WELSH_BY_MISTAKE, ENGLISH]) == ["en"] * 2
    assert choose_languages([ENGLISH, WELSH_BY_MISTAKE]) == ["en"] * 2


def test_a_doubtful_piece_is_in_the_language_of_its_neighbors() -> None:
    spanish = Detection(2.9, 0.5, {"es": 0.99, "gl": 0.01})
    doubtful = Detection(2.5, 0.5, {"sw": 0.32, "es": 0.24})
    assert choose_languages([spanish, doubtful]) == ["es", "es"]
    assert choose_languages([doubtful, spanish]) == ["es", "es"]


def test_a_short_piece_belongs_to_what_is_nearer() -> None:
    near, far = Detection(0.4, 0.3, {}), Detection(0.4, 1.8, {})
    french = Detection(2.5, 0.3, FRENCH.probabilities)
    assert choose_languages([GERMAN, near, FRENCH]) == ["de", "de", "fr"]
    assert choose_languages([GERMAN, far, french]) == ["de", "fr", "fr"]


def test_what_is_detected_in_a_short_piece_decides_between_its_neighbors() -> None:
    words = Detection(0.54, 0.86, {})  # "He was not" after a pause that is longer than the one after it
    french = Detection(3.0, 0.83, FRENCH.probabilities)
    pieces = [ENGLISH, words, french, SHORT, french, SHORT]
    languages = choose_languages(pieces)
    assert languages == ["en", "fr", "fr", "fr", "fr", "fr"]
    assert find_borders(pieces, languages) == {1: ("en", "fr")}
    pieces[1] = restrict_to_border(words, ("en", "fr"), {"en": 0.03, "fr": 0.001, "la": 0.9})
    assert choose_languages(pieces) == ["en", "en", "fr", "fr", "fr", "fr"]
    pieces[1] = restrict_to_border(words, ("en", "fr"), {"fr": 0.03, "en": 0.001})
    assert choose_languages(pieces) == languages
    assert restrict_to_border(words, ("en", "fr"), {"la": 0.9}) == words


def test_without_anything_probable_it_is_as_before_or_unknown() -> None:
    noise = Detection(2.6, 0.5, {"ro": 0.17, "hr": 0.13})
    assert choose_languages([SHORT, noise]) == []
    assert choose_languages([Detection(2.5, 0.5, {"sw": 0.32, "es": 0.24})]) == []
    assert choose_languages([SHORT, noise], "es") == ["es", "es"]
