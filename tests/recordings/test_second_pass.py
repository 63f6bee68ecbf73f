from __future__ import annotations

from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from surtitle.recordings.second_pass import CorrectedSpan, build_second_captions
from surtitle.vocabulary.rules import Vocabulary


def words(text: str, start: float) -> list[Word]:
    """Words of 0.4 s, every half second."""
    return [Word(part, start + 0.5 * at, start + 0.5 * at + 0.4, 0.8) for at, part in enumerate(text.split())]


def live(name: str, text: str, start: float, speaker: str | None = None, source: str = "mic") -> Caption:
    return Caption(name, 1, source, "en", tuple(words(text, start)), (), True, speaker)


def heard(text: str, start: float, language: str = "en") -> list[tuple[str, Word]]:
    return [(language, word) for word in words(text, start)]


def texts(captions: list[Caption]) -> list[tuple[str | None, str]]:
    return [(caption.speaker, caption.text) for caption in captions]


def test_speakers_are_those_of_the_first_recognition() -> None:
    first = [
        live("a", "hello der", 0.0, "Ada"),
        live("b", "good morning", 1.0, "Bob"),
        live("c", "x", 0.5, "No", "tab"),
    ]
    second = heard("Hello dear. Good morning.", 0.05)
    assert texts(build_second_captions("mic", second, "en", first, [], [])) == [
        ("Ada", "Hello dear."),
        ("Bob", "Good morning."),
    ]


def test_speakers_are_not_guessed_from_distant_words() -> None:
    second = heard("Hello.", 20.0)
    assert texts(build_second_captions("mic", second, "en", [live("a", "hello", 0.0, "Ada")], [], [])) == [
        (None, "Hello.")
    ]


def test_corrections_are_kept() -> None:
    """The corrected words win in their time, and the words around them are those of the second recognition."""
    second = heard("We met Surtitle yesterday at noon.", 0.0)
    fixed = CorrectedSpan("mic", 1.0, 1.4, (Word("Sir", 1.0, 1.2), Word("Title", 1.2, 1.4)))
    (caption,) = build_second_captions("mic", second, "en", [], [fixed], [])
    assert caption.text == "We met Sir Title yesterday at noon."
    assert caption.words[2] == fixed.words[0]


def test_deleted_words_do_not_come_back() -> None:
    second = heard("One. Darn it. Two.", 0.0)
    gone = [CorrectedSpan("mic", 0.5, 1.4, ()), CorrectedSpan("tab", 0.0, 9.0, ())]
    assert " ".join(one.text for one in build_second_captions("mic", second, "en", [], gone, [])) == "One. Two."


def test_the_vocabulary_is_applied() -> None:
    rules = Vocabulary.parse("", [], {"sir title": "Surtitle"}, ["darn*"]).rules
    (caption,) = build_second_captions("mic", heard("Sir title is darned good", 0.0), "en", [], [], rules)
    assert caption.text == "Surtitle is d***** good"


def test_captions_end_at_pauses_and_fit() -> None:
    second = heard("and then", 0.0) + heard("we went " * 20, 5.0)
    captions = build_second_captions("mic", second, "en", [], [], [], first_id=7)
    assert captions[0].text == "and then"
    assert len(captions) > 2
    assert all(caption.final and len(caption.text) <= 84 for caption in captions)
    assert [caption.id for caption in captions] == [f"p{number}" for number in range(7, 7 + len(captions))]


def test_each_caption_is_in_the_language_that_was_heard() -> None:
    second = heard("Guten Abend.", 0.0, "de") + heard("Good evening.", 1.0) + heard("Bonsoir.", 2.0, "fr")
    fixed = CorrectedSpan("mic", 1.0, 1.9, (Word("Good", 1.0, 1.4), Word("night.", 1.5, 1.9)))
    captions = build_second_captions("mic", second, "de", [], [fixed], [])
    assert [(one.language, one.text) for one in captions] == [
        ("de", "Guten Abend."),
        ("en", "Good night."),
        ("fr", "Bonsoir."),
    ]


def test_no_words_give_no_captions() -> None:
    assert build_second_captions("mic", [], "en", [live("a", "hello", 0.0)], [], []) == []
