"""The interface's languages: gettext catalogs in `service/surtitle/web/locales`, read without a compiler."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from babel.core import negotiate_locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from starlette.requests import Request

FOLDER = Path(__file__).with_name("locales")
SOURCE = "en"
"""The language of the texts in the code."""

LANGUAGES = {SOURCE: "English", "de": "Deutsch", "es": "Español", "fr": "Français"}


def choose_language(request: Request) -> str:
    """The interface language for a page: the one in ``?hl=``, or else the one that the browser prefers."""
    wanted = [request.query_params.get("hl", ""), *_parse_accept_language(request.headers.get("accept-language", ""))]
    return negotiate_locale([tag.lower() for tag in wanted if tag], LANGUAGES, sep="-") or SOURCE


@cache
def messages(language: str) -> dict[str, str]:
    """A language's translations by their English originals; plural forms are not used."""
    if language == SOURCE:
        return {}
    return {
        str(message.id): str(message.string) for message in _read_catalog(language) if message.id and message.string
    }


def _read_catalog(language: str) -> Catalog:
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, language)


def _parse_accept_language(header: str) -> list[str]:
    """The tags of an Accept-Language header (RFC 9110), preferred ones first."""
    weighted = []
    for order, part in enumerate(header.split(",")[:20]):
        tag, _, parameter = part.partition(";")
        name, _, weight = parameter.strip().partition("=")
        try:
            quality = float(weight) if name.strip().lower() == "q" else 1.0
        except ValueError:
            continue
        if 0 < quality <= 1:  # 0 means "not acceptable"
            weighted.append((-quality, order, tag.strip()))
    return [tag for _, _, tag in sorted(weighted)]
