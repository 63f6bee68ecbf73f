"""Languages by BCP 47 tags: which of a recognizer's codes a tag means. Pure."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

AUTO = "auto"
"""Instead of a tag: the recognizer finds the language itself."""

_OWN_CODES = {"nb": "no", "jv": "jw", "fil": "tl", "prs": "fa", "swh": "sw", "arb": "ar"}
"""Whisper's codes for languages that have another one in the registry, or a near relative with one."""

_SEPARATE = frozenset({"yue", "hak", "nan", "wuu", "hsn", "gan"})
"""Languages of their own, though their macrolanguage (Chinese) has a code: they do not sound like it."""


@lru_cache(1000)
def recognizer_code(tag: str, known: frozenset[str]) -> str | None:
    """The code of ``known`` that ``tag`` means, without its region; None if there is none.

    "de-DE" is "de", "nb" is "no", "deu" is "de", "zh-TW" is "zh". `AUTO` stays.
    """
    from langcodes import standardize_tag
    from langcodes.tag_parser import LanguageTagError

    plain = tag.strip().replace("_", "-")
    if plain.casefold() == AUTO:
        return AUTO
    candidates = [plain.lower(), primary(plain)]
    try:
        narrow = primary(str(standardize_tag(plain)))
        candidates += [narrow, _OWN_CODES.get(narrow, narrow)]
        if narrow not in _SEPARATE:
            candidates.append(primary(str(standardize_tag(plain, macro=True))))
    except LanguageTagError:
        pass
    return next((code for code in candidates if code in known), None)


def primary(tag: str) -> str:
    """The language of a tag, in lower case, without script and region."""
    return tag.replace("_", "-").split("-")[0].lower()


def english_name(tag: str) -> str:
    """What the language is called in English; the tag itself if nobody knows."""
    from langcodes import Language
    from langcodes.tag_parser import LanguageTagError

    try:
        found = Language.get(tag.replace("_", "-"))
        return str(found.display_name()) if found.is_valid() else tag
    except LanguageTagError:
        return tag


def unknown_language(tag: str, model: str, known: Collection[str], *, detected: bool = True) -> str:
    """What to tell a person whose model does not know the language that they chose; ``detected``: it finds it out."""
    name = english_name(tag)
    called = f"{name} ({tag})" if name != tag else f"the language {tag!r}"
    if len(known) == 1:
        only = english_name(next(iter(known)))
        return f"The model {model} recognizes {only} only, not {called}: choose a multilingual model for this language."
    instead = ", so it detects the language" if detected else ""
    return f"The model {model} does not know {called}{instead}: choose another language or model."
