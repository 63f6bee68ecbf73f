"""The interface's languages: which one a browser gets, and that nothing is left without a translation."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from starlette.requests import Request

import obs_overlay
from surtitle.web import i18n

SERVICE = Path(i18n.__file__).parents[1]
TRANSLATED = sorted(set(i18n.LANGUAGES) - {i18n.SOURCE})


def chosen(accepted: str | None, query: str = "") -> str:
    headers = [] if accepted is None else [(b"accept-language", accepted.encode("latin-1"))]
    return i18n.choose_language(Request({"type": "http", "query_string": query.encode(), "headers": headers}))


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("de-AT", "de"),
        ("DE-at", "de"),
        ("FR", "fr"),
        ("es-419, en;q=0.5", "es"),
        ("fr;q=0.3, es;q=0.9, de;q=0.5", "es"),
        ("fr ; q=0.3 , es ; Q = 0.9", "es"),
        ("ja, ko;q=0.9, fr;q=0.1", "fr"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("de;q=0", "en"),
        ("en, de", "en"),
        ("de, fr", "de"),
        ("*", "en"),
        ("xx, *;q=0.1", "en"),
        ("de;q=high, fr;q=0.2", "fr"),
        ("de;q=nan, fr;q=0.2", "fr"),
        ("de;q=7, de;q=-1, fr;q=0.2", "fr"),
        (",,;;q=,;=1,-,_, ", "en"),
        ("../de, /etc/passwd, de/../fr", "en"),
        ("\xff\xfe;q=1, es;q=0.1", "es"),
        (", ".join(f"x{number}" for number in range(2000)) + ", de", "en"),
    ],
)
def test_the_browsers_languages(accepted: str | None, language: str) -> None:
    assert chosen(accepted) == language


@pytest.mark.parametrize(
    ("query", "language"),
    [("hl=es", "es"), ("hl=ES-mx", "es"), ("hl=en", "en"), ("hl=xx", "de"), ("hl=", "de"), ("hl=..%2Ffr", "de")],
)
def test_the_address_goes_before_the_browser(query: str, language: str) -> None:
    assert chosen("de", query) == language


def test_every_catalog_is_a_language() -> None:
    assert sorted(path.stem for path in i18n.FOLDER.glob("*.po")) == TRANSLATED
    assert i18n.messages(i18n.SOURCE) == {}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_and_no_translation_is_left_over(language: str) -> None:
    """If this fails: `make messages`, and translate what is empty (docs/development.md)."""
    texts = i18n.messages(language)
    assert texts.keys() == used()
    for text, translation in texts.items():
        assert places(translation) == places(text), text
        assert translation.strip() == translation


@pytest.mark.parametrize("language", TRANSLATED)
def test_catalogs_have_no_doubtful_texts_and_say_whose_they_are(language: str) -> None:
    with (i18n.FOLDER / f"{language}.po").open("rb") as file:
        catalog = read_po(file, abort_invalid=True)
    assert not [message.id for message in catalog if message.id and message.fuzzy]
    assert not catalog.obsolete
    header = dict(catalog.mime_headers)
    assert header["Language"] == language
    assert not re.search(r"FULL NAME|EMAIL|LL@|PROJECT|ORGANIZATION", " ".join(header.values()))


@cache
def used() -> frozenset[str]:
    """All texts of templates and scripts, as `make messages` finds them."""
    with (i18n.FOLDER / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = set()
    for folder in (SERVICE, Path(obs_overlay.__file__).parent):
        for _, _, text, _, _ in extract_from_dir(str(folder), methods, options, {"_": None, "t": None}):
            assert isinstance(text, str)
            found.add(text)
    assert len(found) > 20
    return frozenset(found)


def places(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))
