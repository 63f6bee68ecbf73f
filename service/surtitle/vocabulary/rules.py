"""A channel's vocabulary: words that the recognizer should expect, replacements, and words to mask."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TypeVar

import msgspec

from surtitle.core.errors import BadRequest
from surtitle.vocabulary.substituter import Mask, PhraseRules, Replacement, Rule, normalize, strip_punctuation

T = TypeVar("T")

_MAX_ENTRIES = 500  # replacements, blocked words
MAX_HOTWORDS = 100  # about as many as a recognizer can use
_MAX_LENGTH = 100  # characters of an entry
MAX_PROMPT = 600  # characters; about as many as Whisper uses


class Vocabulary(msgspec.Struct, frozen=True, dict=True):
    """The vocabulary of a channel, compared by value. Create it with `parse`, which checks it."""

    prompt: str = ""
    """Text that could have come before the speech."""
    hotwords: tuple[str, ...] = ()
    """Words to prefer where the audio is ambiguous."""
    replacements: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Recognized phrases, and the text to write instead; an empty one deletes the phrase."""
    blocked: tuple[str, ...] = ()
    """Words and phrases to mask; a ``*`` at the end stands for any ending of the word."""

    @classmethod
    def parse(
        cls, prompt: str, hotwords: Iterable[str], replacements: Mapping[str, str], blocked: Iterable[str]
    ) -> Vocabulary:
        """Check what a person entered, normalize spaces and drop duplicates. Raises `BadRequest`."""
        prompt = _clean(prompt, "prompt", MAX_PROMPT)
        entries = _limit(hotwords, "hotwords", MAX_HOTWORDS)
        hot = tuple(dict.fromkeys(_clean_phrase(entry, "hotwords") for entry in entries))
        pairs: dict[str, str] = {}
        for phrase, text in _limit(replacements.items(), "replacements", _MAX_ENTRIES):
            pairs[_clean_phrase(phrase, "replacements")] = _clean(text, "replacements", _MAX_LENGTH)
        if len({normalize(phrase) for phrase in pairs}) < len(replacements):
            raise BadRequest(
                "replacements: a phrase is listed twice (case does not matter): remove one of the entries."
            )
        masked = tuple(dict.fromkeys(_clean_stem(entry) for entry in _limit(blocked, "blocked", _MAX_ENTRIES)))
        return cls(prompt, hot, pairs, masked)

    @cached_property
    def rules(self) -> tuple[PhraseRules, PhraseRules]:
        """Apply them in this order: replacements, then masks, which also mask blocked words in replacements."""
        replacements: dict[str, Rule] = {phrase: Replacement(text) for phrase, text in self.replacements.items()}
        return PhraseRules(replacements), PhraseRules(dict.fromkeys(self.blocked, Mask()))


def _limit(entries: Iterable[T], name: str, max_entries: int) -> list[T]:
    """The entries as a list. Raises `BadRequest` if there are too many."""
    listed = list(entries)
    if len(listed) > max_entries:
        raise BadRequest(f"{name}: {len(listed)} entries are more than the limit of {max_entries}: remove some.")
    return listed


def _clean(text: str, name: str, max_length: int) -> str:
    """The text as one line with single spaces. Raises `BadRequest` for control characters and text that is too long."""
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    if len(text) > max_length:
        raise BadRequest(
            f"{name}: {text[:30] + '…'!r} has {len(text)} characters, more than the limit of {max_length}: shorten it."
        )
    if not text.isprintable():
        raise BadRequest(f"{name}: {text[:30]!r} has control characters: remove them.")
    return text


def _clean_phrase(entry: str, name: str) -> str:
    """An entry without punctuation around it. Raises `BadRequest` if nothing is left."""
    entry = strip_punctuation(_clean(entry, name, _MAX_LENGTH))
    if not entry:
        raise BadRequest(f"{name}: an entry contains no word: remove it.")
    return entry


def _clean_stem(entry: str) -> str:
    """A blocked phrase, perhaps with a ``*`` at its end. Raises `BadRequest`."""
    stem, star = (entry.strip()[:-1], "*") if entry.strip().endswith("*") else (entry, "")
    if "*" in stem:
        raise BadRequest(f"blocked: {entry[:30]!r} has a * that is not at its end: put a * only at the end of a word.")
    if star and stem.endswith(" "):
        raise BadRequest(f"blocked: {entry[:30]!r} blocks any word: put the beginning of a word before the *.")
    return _clean_phrase(stem, "blocked") + star
