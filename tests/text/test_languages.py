"""Language tags, and the codes that recognizers have for them."""

from __future__ import annotations

import pytest

from surtitle.text.languages import english_name, find_language, primary, recognizer_code, unknown_language

WHISPER = frozenset({"en", "de", "pt", "zh", "no", "nn", "tl", "jw", "he", "fa", "sr", "hr"})


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        *(
            ("de-DE", "de"),
            ("en-US", "en"),
            ("EN_gb", "en"),
            ("pt-BR", "pt"),
            ("nb", "no"),
            ("nb-NO", "no"),
            ("no", "no"),
        ),
        *(
            ("nn", "nn"),
            ("zh-TW", "zh"),
            ("zh-Hant-HK", "zh"),
            ("cmn", "zh"),
            ("deu", "de"),
            ("iw", "he"),
            ("fil", "tl"),
        ),
        *(("jv", "jw"), ("pes", "fa"), ("sr-Latn", "sr"), ("auto", "auto"), ("AUTO", "auto")),
        *(
            ("yue", None),
            ("zh-yue", None),
            ("tl-PH", "tl"),
            ("tlh", None),
            ("xx", None),
            ("de_AT-1996", "de"),
            ("!", None),
        ),
    ],
)
def test_a_tag_is_a_code_that_the_model_knows(tag: str, code: str | None) -> None:
    assert recognizer_code(tag, WHISPER) == code


def test_cantonese_is_only_chosen_if_the_model_knows_it() -> None:
    assert recognizer_code("yue-HK", WHISPER | {"yue"}) == "yue"
    assert recognizer_code("zh-yue", WHISPER | {"yue"}) == "yue"


def test_an_english_model_knows_english_only() -> None:
    assert recognizer_code("en-AU", frozenset({"en"})) == "en"
    assert recognizer_code("de", frozenset({"en"})) is None


def test_messages_for_people() -> None:
    assert unknown_language("tlh", "base", WHISPER) == (
        "The model base does not know Klingon (tlh), so it detects the language: choose another language or model."
    )
    assert unknown_language("de-DE", "base.en", frozenset({"en"})) == (
        "The model base.en recognizes English only, not German (Germany) (de-DE): "
        "choose a multilingual model for this language."
    )
    assert "the language 'xx'" in unknown_language("xx", "base", WHISPER)


def test_a_language_is_found_by_its_english_name() -> None:
    names = {
        "english": "en",
        "German": "de",
        "haitian creole": "ht",
        "en-US": None,
        "de": None,
        "auto": None,
        "?": None,
    }
    assert {name: find_language(name) for name in names} == names


def test_languages_have_english_names() -> None:
    assert primary("zh_Hant-TW") == "zh"
    assert english_name("pt-BR") == "Portuguese (Brazil)"
    assert english_name("!!") == "!!"
