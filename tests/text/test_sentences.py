"""Where sentences end: abbreviations, numbers, ellipses, quotes and scripts."""

from __future__ import annotations

import pytest

from surtitle.text.sentences import ends_sentence, may_be_abbreviated, strip_end_marks, trails_off


@pytest.mark.parametrize(
    "text",
    [
        *("end.", "end!", "end?", "end?!", "end.”", "end.'", "end.)", 'end."', "end.»", "end. »", "(end.)", "okay."),
        *(
            "終わり。",
            "終わり。」",
            "終わり？",
            "終わり！）",
            "好｡",
            "好．",
            "यह है।",
            "है॥",
            "كيف حالك؟",
            "ہے۔",
            "է։",
            "ነው።",
        ),
        *(
            "ပြီ။",
            "ជា។",
            "ཡིན།",
            "ξέρω\u037e",
            "2019.",
            "1,000.",
            "3.5.",
            "$300.",
            "50%.",
            "UNESCO.",
            "co-op.",
            "well...?",
        ),
        *("A. B. C. now.", "I.", "it’s.", "me.", "for.", "so.", "fun.", "the art of it."),
    ],
)
def test_a_sentence_ends_whatever_follows(text: str) -> None:
    assert ends_sentence(text)
    assert ends_sentence(text, "")
    assert ends_sentence(text, "The") or text.endswith("。")


@pytest.mark.parametrize(
    "text", ["", " ", "word", "word,", "word;", "word:", "—", "»", '"', "10.30", "3.14", "a.b", "(end)"]
)
def test_no_sentence_ends_without_a_mark(text: str) -> None:
    assert not ends_sentence(text)
    assert not ends_sentence(text, "The")
    assert not ends_sentence(text, "")


@pytest.mark.parametrize(
    "text",
    [
        *("Mr.", "mrs.", "Dr.", "Prof.", "St.", "(Mr.", "“Dr.", "vs.", "e.g.", "i.e.", "Ph."),
        *("z.B.", "bzw.", "d.h.", "Mme", "Mme.", "p.ex.", "Sra.", "Dra.", "Sig.ra", "Dott.", "dhr.", "np.", "т.е."),
    ],
)
@pytest.mark.parametrize("following", [None, "Smith", "The", "5", "lower"])
def test_a_title_never_ends_a_sentence(text: str, following: str | None) -> None:
    assert not ends_sentence(text, following)


@pytest.mark.parametrize("text", ["Sig.", "il Sig.", "Hon.", "the Rt. Hon.", "Fr.", "Ing.", "Arch.", "Av."])
def test_titles_that_are_words_elsewhere_are_recognized_by_their_capital(text: str) -> None:
    assert not ends_sentence(text)
    assert not ends_sentence(text, "Rossi")
    assert not ends_sentence(text, "Smith", "auto")
    assert ends_sentence(text, "")
    assert ends_sentence(text.lower(), "Smith")
    for name in ("Lo Presti", "La Rosa", "Das Neves", "Le Goff", "A. Costa"):
        assert not ends_sentence(text, name)


@pytest.mark.parametrize(
    ("text", "following", "language"),
    [
        ("dl.", "Popescu", "ro"),
        ("nr.", "5", "ro"),
        ("pl.", "Budapest", "hu"),
        ("kb.", "öt", "hu"),
        ("npr.", "Zagreb", "hr"),
        ("нпр.", "Београд", "sr"),
        ("g.", "Novak", "sl"),
        ("št.", "5", "sl"),
        ("napr.", "Bratislava", "sk"),
        ("г-н.", "Иванов", "bg"),
        ("κ.", "Παπαδόπουλος", "el"),
        ("π.χ.", "Αθήνα", "el"),
        ("Sr.", "Puig", "ca"),
        ("pvz.", "Vilnius", "lt"),
        ("piem.", "Rīga", "lv"),
        ("nt.", "Tallinn", "et"),
        ("t.d.", "Reykjavík", "is"),
        ("itd.", "Zagreb", "hr"),
        ("stb.", "Budapest", "hu"),
    ],
)
def test_abbreviations_of_smaller_languages(text: str, following: str, language: str) -> None:
    assert not ends_sentence(text, following, language)
    assert not ends_sentence(text, None, language)


@pytest.mark.parametrize(
    "text",
    ["U.S.", "the U.K.", "p.m.", "a.m.", "Inc.", "Ltd.", "Ph.D.", "etc.", "usw.", "ecc.", "D.C.", "Jr.", "J.", "т.д."],
)
def test_some_abbreviations_may_end_a_sentence(text: str) -> None:
    assert not ends_sentence(text)  # it depends on what follows
    assert not ends_sentence(text, "navy")
    assert not ends_sentence(text, "Navy")
    assert not ends_sentence(text, ", and")
    assert ends_sentence(text, "")
    assert ends_sentence(text, "The")
    assert ends_sentence(text, '"We')
    assert ends_sentence(text, "It's")


@pytest.mark.parametrize(
    "pieces", [("U", ".S."), ("p", ".m."), ("Ph", ".D."), ("z", ".B."), ("U.S", "."), ("U", ".", "S", ".")]
)
def test_an_abbreviation_in_pieces_does_not_end_a_sentence(pieces: tuple[str, ...]) -> None:
    for count in range(1, len(pieces) + 1):
        assert not ends_sentence("".join(pieces[:count]))
        assert not ends_sentence(pieces[count - 1])
    assert may_be_abbreviated(pieces[0])


def test_possible_beginnings_of_abbreviations() -> None:
    for text in ("U", "the U", "U.S", "p", "Ph", "Mr", "Inc", "etc", "z.B"):
        assert may_be_abbreviated(text)
    for text in ("", "word", "the navy", "sun", '"U"'):
        assert not may_be_abbreviated(text)


@pytest.mark.parametrize(
    ("text", "following", "language", "ends"),
    [
        ("No.", None, None, False),
        ("No.", "5", None, False),
        ("No.", "I", None, True),
        ("No.", "IV", None, False),
        ("No.", "Never", None, True),
        ("No.", "", None, True),
        ("Pvt.", "Ryan", "en", False),
        ("Blvd.", "Saint-Michel", "en", False),
        ("Apt.", "4", "en", False),
        ("Rm.", "12", "en", False),
        ("bspw.", "Äpfel", "de", False),
        ("ehem.", "Kanzler", "de", False),
        ("lt.", "Polizei", "de", False),
        ("lfd.", "Nr. 5", "de", False),
        ("Tsd.", "Euro", "de", False),
        ("Co.", "KG", "de", False),
        ("Co.", "Der", "de", True),
        ("Bj.", "1950", "de", False),
        ("max.", "20", "de", False),
        ("max.", "Then", "en", True),
        ("gem.", "The", "en", True),
        ("gem.", "The", None, True),
        ("mind.", "The", None, True),
        ("Max.", "Er", "de", True),
        ("Art.", "5", "de", False),
        ("art.", None, "it", False),
        ("art.", "Many", "en", True),
        ("S.", "12", "de", False),
        ("3.", None, None, False),
        ("3.", None, "de", False),
        ("3.", "Mai", "de", False),
        ("3.", "Oktober", None, False),
        ("3.", "Das", "de", True),
        ("3.", "", "de", True),
        ("42.", None, "en", True),
        ("42.", "Peter", "en-GB", True),
        ("42.", "She", None, True),
        ("42.", "percent", None, False),
        ("42.", "5", "en", False),
        ("2019.", "It", "de", True),
        ("1.000.", "Euro", "de", True),
        ("３．", "５", "ja", False),
        ("M.", "Dupont", "fr", False),
        ("Sr.", "López", "es", False),
        ("me.", "Durand", "fr", False),
        ("p.", "ex. le trois", "fr", False),
        ("p.", "Il part", "fr", True),
        ("EE.", "UU. Ahora", "es", False),
        ("UU.", "y México", "es", False),
        ("UU.", "El lunes", "es", True),
        ("me.", "Then", "en", True),
        ("arch.", None, "en", True),
        ("sun.", None, "en", True),
        ("Mr.", "Smith", "de", False),
        ("z.B.", "Berlin", "de", False),
        ("usw.", "Das", "de-AT", True),
        ("etc.", "Je", "fr", True),
        ("bl.a.", "Oslo", "nb", False),
        ("word;", None, "el", True),
        ("word;", None, "en", False),
    ],
)
def test_the_answer_depends_on_the_language_and_the_next_word(
    text: str, following: str | None, language: str | None, ends: bool
) -> None:
    assert ends_sentence(text, following, language) is ends


def test_lower_case_continues_after_quotes_and_abbreviations() -> None:
    assert not ends_sentence("approx.", "five")
    assert not ends_sentence("“Stop!”", "he")
    assert ends_sentence("we go now.", "they stay")  # some speech is written without capitals
    assert ends_sentence("There.", "iPhone")
    assert ends_sentence("There.", "eBay is")
    assert ends_sentence("है।", "और")


@pytest.mark.parametrize("text", ["so...", "so…", "so. . .", "so……", "so..", "so…”", "それは……", "well⋯"])
def test_text_with_an_ellipsis_trails_off(text: str) -> None:
    assert trails_off(text)
    assert not ends_sentence(text)
    assert not ends_sentence(text, "and")
    assert not ends_sentence(text, "Peter")
    assert ends_sentence(text, "")
    assert ends_sentence(text, "The")


def test_text_without_an_ellipsis_does_not_trail_off() -> None:
    for text in ("", "end.", "end?", "U.S.", "10.30", "so...?"):
        assert not trails_off(text)


def test_final_marks_are_removed_except_those_of_abbreviations() -> None:
    assert strip_end_marks("That is it.") == "That is it"
    assert strip_end_marks("Really?!") == "Really"
    assert strip_end_marks("Mais oui !") == "Mais oui"
    assert strip_end_marks("終わり。") == "終わり"
    assert strip_end_marks("with Mr.") == "with Mr."
    assert strip_end_marks("so...") == "so"
    assert strip_end_marks("") == ""


@pytest.mark.parametrize(
    ("text", "following", "ends"),
    [
        *(("Sen. Warren of Mass.", "spoke", False), ("in Springfield, Mass.", "Warren", False)),
        *(("He lives in Mass.", "The", True), ("He lives in Calif.", None, False), ("She is in Fla.", "", True)),
        *(("the mass.", "It", True), ("He is ill.", "Peter", True), ("a near miss.", None, True)),
        *(("5 min.", "later", False), ("after 5 min.", None, False), ("It took 5 min.", "The", True)),
        *(("10 sec.", "later", False), ("6 in.", "long", False), ("6 ft.", "tall", False), ("It is 6 ft.", "We", True)),
        *(("3 lbs.", "of", False), ("1,000 hrs.", "of", False), ("2½ hrs.", "of", False), ("It is 5 min.", "", True)),
        *(("come in.", "Peter", True), ("the min.", "Peter", True), ("Sec. 5.", "The", True)),
    ],
)
def test_states_and_units(text: str, following: str | None, ends: bool) -> None:
    assert ends_sentence(text, following, "en") is ends
    assert ends_sentence(text, following) is ends


@pytest.mark.parametrize(
    ("text", "following", "language", "ends"),
    [
        *(("on Main St.", "The", "en", True), ("on Main St.", "", "en", True), ("on Main St.", None, "en", False)),
        *(("on 42nd St.", "We", "en", True), ("Fifth Ave.", "It", None, True), ("at Stanford Univ.", "He", "en", True)),
        *(("Main St.", "Bridge", "en", False), ("In St.", "Will", "en", False), ("in St.", "The", "en", False)),
        *(("the Ave.", "Maria", "en", False), ("Lange Str.", "5", "de", False), ("Lange Str.", "Die", "de", True)),
        *(("Hauptstr.", "5", "de", False), ("Hauptstr.", "Der", "de", True), ("Hauptstr.", None, None, False)),
    ],
)
def test_streets(text: str, following: str | None, language: str | None, ends: bool) -> None:
    assert ends_sentence(text, following, language) is ends


@pytest.mark.parametrize(
    ("text", "following", "ends"),
    [
        *(("fünf Min.", "später", False), ("fünf min.", "Der", True), ("fünf min.", "", True), ("Min.", None, False)),
        *(("min.", "5", False), ("ein paar Std.", "Fahrt", False)),
    ],
)
def test_german_units_after_numbers_in_words(text: str, following: str | None, ends: bool) -> None:
    assert ends_sentence(text, following, "de") is ends


def test_the_polish_im_may_be_the_last_word() -> None:
    assert not ends_sentence("Szkoła im.", "Jana", "pl")
    assert not ends_sentence("Szkoła im.", None, "pl")
    assert ends_sentence("Dał im.", "To", "pl")
    assert ends_sentence("im.", "Peter", "de")
    assert ends_sentence("im.", "Peter")


def test_units_of_other_languages() -> None:
    assert not ends_sentence("nach 5 Min.", "später", "de")
    assert ends_sentence("nach 5 Min.", "Der", "de")
    assert not ends_sentence("5 мин.", "спустя", "ru")
