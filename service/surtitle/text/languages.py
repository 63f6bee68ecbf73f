"""Converts BCP 47 tags to the language codes of recognizers, and names languages. Pure."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

AUTO = "auto"
"""Stands for a tag: the recognizer detects the language."""

_OWN_CODES = {"nb": "no", "jv": "jw", "fil": "tl", "prs": "fa", "swh": "sw", "arb": "ar"}
"""Whisper's codes for languages whose tag is different, or whose closest relative it knows instead."""

_SEPARATE = frozenset({"yue", "hak", "nan", "wuu", "hsn", "gan"})
"""Languages that a recognizer of their macrolanguage (Chinese) does not recognize, because they sound different."""


@lru_cache(1000)
def recognizer_code(tag: str, known: frozenset[str]) -> str | None:
    """The recognizer's code among ``known`` for ``tag`` without its region, or None if it has none.

    "de-DE" becomes "de", "nb" becomes "no", "deu" becomes "de", and "zh-TW" becomes "zh". `AUTO` is returned as it is.
    """
    from langcodes import standardize_tag
    from langcodes.tag_parser import LanguageTagError

    plain = tag.strip().replace("_", "-")
    if plain.casefold() == AUTO:
        return AUTO
    candidates = [plain.lower()]
    try:
        narrow = primary(str(standardize_tag(plain)))  # of "zh-yue", this is "yue"
        candidates += [narrow, _OWN_CODES.get(narrow, narrow)]
        if narrow not in _SEPARATE:
            candidates += [primary(plain), primary(str(standardize_tag(plain, macro=True)))]
    except LanguageTagError:
        candidates.append(primary(plain))
    return next((code for code in candidates if code in known), None)


def primary(tag: str) -> str:
    """The language of a tag, in lower case, without script and region."""
    return tag.replace("_", "-").split("-")[0].lower()


def english_name(tag: str) -> str:
    """The English name of a language; the tag itself if it is unknown."""
    from langcodes import Language
    from langcodes.tag_parser import LanguageTagError

    try:
        found = Language.get(tag.replace("_", "-"))
        return str(found.display_name()) if found.is_valid() else tag
    except LanguageTagError:
        return tag


def find_language(name: str) -> str | None:
    """The tag of a language with this English name, in upper or lower case; None for anything else."""
    from langcodes import Language

    try:
        return str(Language.find(name, "en")) if len(name) > 3 and name.replace(" ", "").isalpha() else None
    except LookupError:
        return None


def unknown_language(tag: str, model: str, known: Collection[str], *, detected: bool = True) -> str:
    """The error message for a language that the model does not support; ``detected``: it detects one instead."""
    name = english_name(tag)
    called = f"{name} ({tag})" if name != tag else f"the language {tag!r}"
    if len(known) == 1:
        only = english_name(next(iter(known)))
        return f"The model {model} recognizes {only} only, not {called}: choose a multilingual model for this language."
    instead = ", so it detects the language" if detected else ""
    return f"The model {model} does not know {called}{instead}: choose another language or model."
