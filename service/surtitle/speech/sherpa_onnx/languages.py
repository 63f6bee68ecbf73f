"""Finds out which languages a streaming model writes. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from surtitle.core.words import Word
from surtitle.text.scripts import is_unspaced

_CODE_LIST = (
    "ar be bg bn ca cs da de el en es et fa fi fr he hi hr hu id it ja ka kk ko lt lv mk mn ms nl no pl pt ro ru "
    "sk sl sr sv sw ta te th tr uk ur uz vi yue zh"
)
_CODES = frozenset(_CODE_LIST.split())
"""The languages that a channel may name for a model that does not tell its own."""

_IN_NAMES = {
    **{code: code for code in _CODES - {"be", "he", "no"}},  # which are also words
    "cantonese": "yue", "chinese": "zh", "english": "en", "french": "fr", "german": "de", "gigaspeech": "en",
    "japanese": "ja", "korean": "ko", "librispeech": "en", "russian": "ru", "spanish": "es", "thai": "th",
    "vietnamese": "vi", "wenetspeech": "zh",
}  # fmt: skip
_UNSPACED = ("zh", "yue", "ja", "th")


def find_languages(name: str, metadata: Mapping[str, str]) -> frozenset[str]:
    """The languages of a model: those of its metadata, or of its name, or any if neither says."""
    own = metadata.get("language") or metadata.get("languages") or ""
    for source in (own, re.split(r"[/\\]", name.rstrip("/\\"))[-1]):
        parts = re.split(r"[^a-z0-9]+", source.lower())
        if found := frozenset(_IN_NAMES[part] for part in parts if part in _IN_NAMES):
            return found
    return _CODES


def guess_language(words: Sequence[Word], languages: Collection[str]) -> str | None:
    """The language of words by their script, if that tells it: one of ``languages``."""
    unspaced = [code for code in _UNSPACED if code in languages]
    others = [code for code in languages if code not in _UNSPACED]
    if not words or len(others) > 1:
        return None
    share = sum(is_unspaced(word.text[0]) for word in words) / len(words)
    if share >= 0.5:
        return unspaced[0] if unspaced else None
    return others[0] if others else None
