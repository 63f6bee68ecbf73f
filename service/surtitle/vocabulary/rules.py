"""A channel's own words: what the recognizer is told to expect, what is written instead, what is masked."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from surtitle.core.errors import BadRequest
from surtitle.vocabulary.substituter import Mask, PhraseRules, Replacement, Rule, normal, unframed

T = TypeVar("T")

_ENTRIES = 500  # replacements, blocked words
_HOTWORDS = 100  # a recognizer has room for about as many
_LENGTH = 100  # characters of an entry
_PROMPT = 600  # characters; Whisper keeps about as many


@dataclass(frozen=True)
class Vocabulary:
    """Checked when it is made, by `parse`; compared by what it says."""

    prompt: str = ""
    """Text that could have been said before."""
    hotwords: tuple[str, ...] = ()
    """Words to prefer where the sound allows them."""
    replacements: Mapping[str, str] = field(default_factory=dict)
    """What is heard, and what is written instead; nothing deletes it."""
    blocked: tuple[str, ...] = ()
    """Words and phrases to mask; one that ends with ``*`` is the beginning of a word."""

    @classmethod
    def parse(
        cls, prompt: str, hotwords: Iterable[str], replacements: Mapping[str, str], blocked: Iterable[str]
    ) -> Vocabulary:
        """What a person entered, with spaces tidied and doubles left out. Raises `BadRequest`."""
        prompt = _tidy(prompt, "prompt", _PROMPT)
        hot = tuple(dict.fromkeys(_words(entry, "hotwords") for entry in _few(hotwords, "hotwords", _HOTWORDS)))
        pairs: dict[str, str] = {}
        for heard, instead in _few(replacements.items(), "replacements", _ENTRIES):
            pairs[_words(heard, "replacements")] = _tidy(instead, "replacements", _LENGTH)
        if len({normal(heard) for heard in pairs}) < len(replacements):
            raise BadRequest("replacements: a phrase is there twice (case does not matter): say once what to write.")
        masked = tuple(dict.fromkeys(_stem(entry) for entry in _few(blocked, "blocked", _ENTRIES)))
        return cls(prompt, hot, pairs, masked)

    @cached_property
    def rules(self) -> tuple[PhraseRules, PhraseRules]:
        """To be applied one after the other: replacements, then masks, so that nothing blocked is put in."""
        instead: dict[str, Rule] = {heard: Replacement(text) for heard, text in self.replacements.items()}
        return PhraseRules(instead), PhraseRules(dict.fromkeys(self.blocked, Mask()))


def _few(entries: Iterable[T], name: str, most: int) -> list[T]:
    found = list(entries)
    if len(found) > most:
        raise BadRequest(f"{name}: there are {len(found)} entries, and {most} is the most: remove some.")
    return found


def _tidy(text: str, name: str, most: int) -> str:
    """One line without control characters."""
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    if len(text) > most:
        raise BadRequest(f"{name}: {text[:30] + '…'!r} has {len(text)} characters, and {most} is the most: shorten it.")
    if not text.isprintable():
        raise BadRequest(f"{name}: {text[:30]!r} has control characters: remove them.")
    return text


def _words(entry: str, name: str) -> str:
    entry = unframed(_tidy(entry, name, _LENGTH))
    if not entry:
        raise BadRequest(f"{name}: an entry has no word in it: remove it.")
    return entry


def _stem(entry: str) -> str:
    stem, star = (entry.strip()[:-1], "*") if entry.strip().endswith("*") else (entry, "")
    if "*" in stem:
        raise BadRequest(
            f"blocked: {entry[:30]!r} has a * that is not at its end: only a word's ending can be left open."
        )
    if star and stem.endswith(" "):
        raise BadRequest(f"blocked: {entry[:30]!r} blocks any word: put the beginning of a word before the *.")
    return _words(stem, "blocked") + star
