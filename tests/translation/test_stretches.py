"""Sentences that are translated from their sound."""

from __future__ import annotations

import pytest

from surtitle.captions.caption import Caption
from surtitle.core.words import Word, join
from surtitle.translation.stretches import Stretch, Stretches, distribute_words


def said(
    key: str, text: str, start: float, end: float, *, final: bool = True, source: str = "Host", **more: str
) -> Caption:
    parts_ = text.split()
    each = (end - start) / max(1, len(parts_))
    words = tuple(Word(part, start + at * each, start + (at + 1) * each) for at, part in enumerate(parts_))
    language, speaker = more.get("language", "fr"), more.get("speaker")
    return Caption(key, 1, source, language, words if final else (), () if final else words, final, speaker)


def texts(stretches: list[Stretch]) -> list[str]:
    return [" | ".join(caption.text for caption in one.captions) for one in stretches]


def test_a_sentence_waits_for_its_end() -> None:
    stretches = Stretches()
    assert not stretches.put(said("c1", "Le professeur a vu ma sœur", 1, 3), 3.5)
    assert not stretches.put(said("c2", "dans le", 3.1, 3.5, final=False), 3.6)
    (sentence,) = stretches.put(said("c2", "dans le jardin hier.", 3.1, 5), 5.5)
    assert texts([sentence]) == ["Le professeur a vu ma sœur | dans le jardin hier."]
    assert [sentence.start, sentence.end, sentence.since] == pytest.approx([0.5, 5.3, 5.5])


def test_sound_is_cut_between_the_words_of_two_sentences() -> None:
    stretches = Stretches()
    stretches.put(said("c1", "Il pleut.", 1, 2), 2.5)
    (second,) = stretches.put(said("c2", "Nous restons.", 2.2, 3), 3.5)
    assert second.start == pytest.approx(2.1)


@pytest.mark.parametrize(
    "following",
    [
        said("c2", "autre", 5.0, 6.0, final=False),  # after a pause
        said("c2", "autre", 3.1, 4.0, final=False, speaker="Guest"),
        said("c2", "other", 3.1, 4.0, final=False, language="de"),
    ],
)
def test_a_pause_another_speaker_and_another_language_end_a_sentence(following: Caption) -> None:
    stretches = Stretches()
    assert not stretches.put(said("c1", "Nous restons", 1, 3), 3.5)
    (sentence,) = stretches.put(following, 4)
    assert texts([sentence]) == ["Nous restons"]
    assert sentence.end <= max(3.05, min(3.3, (3 + following.start) / 2))


def test_an_abbreviation_does_not_end_a_sentence() -> None:
    stretches = Stretches()
    assert not stretches.put(said("c1", "Nous avons vu M.", 1, 3), 3.5)
    (sentence,) = stretches.put(said("c2", "Dupont hier.", 3.1, 5), 5.5)
    assert texts([sentence]) == ["Nous avons vu M. | Dupont hier."]


def test_a_sentence_that_does_not_go_on_is_released() -> None:
    stretches = Stretches()
    stretches.put(said("c1", "Nous restons", 1, 3), 3.5)
    assert not stretches.release(4.5)
    assert texts(stretches.release(5.5)) == ["Nous restons"]
    assert not stretches.release(50)


def test_a_caption_that_is_being_said_is_waited_for_but_not_for_ever() -> None:
    stretches = Stretches()
    stretches.put(said("c1", "Nous restons", 1, 3), 3.5)
    stretches.put(said("c2", "ici", 3.1, 3.4, final=False), 3.6)
    assert not stretches.release(8)
    assert texts(stretches.release(14)) == ["Nous restons"]


def test_a_long_sentence_ends_at_a_comma_and_never_outgrows_what_the_model_hears() -> None:
    stretches = Stretches()
    found = []
    for at in range(20):
        text = "et nous parlons," if at % 2 else "et nous parlons"
        found += stretches.put(said(f"c{at}", text, at * 5.0, at * 5.0 + 4.9), at * 5.0 + 5)
    assert texts(found)[0] == "et nous parlons | et nous parlons, | et nous parlons | et nous parlons,"
    stretches = Stretches()
    found = []
    for at in range(20):
        found += stretches.put(said(f"c{at}", "et nous parlons", at * 5.0, at * 5.0 + 4.9), at * 5.0 + 5)
    assert found
    assert all(one.end - one.start <= 25 for one in found)


def test_sources_are_independent() -> None:
    stretches = Stretches()
    stretches.put(said("c1", "Nous restons", 1, 3), 3.5)
    (other,) = stretches.put(said("c2", "Il pleut.", 1, 3, source="Guest"), 3.5)
    assert texts([other]) == ["Il pleut."]


def test_a_correction_is_translated_and_a_new_name_is_not() -> None:
    stretches = Stretches()
    assert stretches.put(said("c1", "Il pleut.", 1, 3), 3.5)
    assert not stretches.put(said("c1", "Il pleut.", 1, 3, speaker="Guest"), 4)
    assert texts(stretches.put(said("c1", "Il neige.", 1, 3), 5)) == ["Il neige."]


def test_a_translation_is_shared_by_the_captions_of_its_sentence() -> None:
    captions = [said("c1", "Le professeur a vu ma sœur", 1, 3), said("c2", "dans le jardin hier.", 3.1, 5)]
    found = distribute_words("The teacher saw my sister in the garden yesterday.", captions)
    assert [join(words) for words in found] == ["The teacher saw my sister in", "the garden yesterday."]
    assert distribute_words("", captions) == [(), ()]
    assert [join(words) for words in distribute_words("Yes.", captions)] in (["Yes.", ""], ["", "Yes."])
