"""Splits a text's tokens into words, and finds tokens that are no speech. Pure.

Source: `whisper.tokenizer` (Radford et al. 2022), which faster-whisper follows, too.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

_WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
_SYMBOLS = (
    *'"#()*+/:;<=>@[\\]^_`{|}~「」『』',
    *("<<", ">>", "<<<", ">>>", "--", "---", "-(", "-[", "('", '("', "((", "))", "(((", ")))", "[[", "]]", "{{", "}}"),
)
_NOTES = (*"♩♪♫♬♭♮♯", "♪♪", "♪♪♪")  # even where they need several tokens


def split_words(tokens: Sequence[int], token_bytes: Sequence[bytes], language: str) -> list[tuple[str, list[int]]]:
    """The words, with the space before them if there is one, and the tokens of each."""
    letters = _split_letters(tokens, token_bytes)
    if language in _WITHOUT_SPACES:
        return letters
    words: list[tuple[str, list[int]]] = []
    for text, part in letters:
        if words and not text.startswith(" ") and text.strip() not in string.punctuation:
            words[-1] = (words[-1][0] + text, words[-1][1] + part)
        else:
            words.append((text, part))
    return words


def _split_letters(tokens: Sequence[int], token_bytes: Sequence[bytes]) -> list[tuple[str, list[int]]]:
    """Groups of as few tokens as make whole characters; what never becomes one is left out of the text."""
    groups: list[tuple[str, list[int]]] = []
    data, part = b"", list[int]()
    for token in tokens:
        data, part = data + token_bytes[token], [*part, token]
        try:
            groups.append((data.decode(), part))
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data":
                continue  # the next token may complete it
            groups.append((data.decode(errors="replace"), part))
        data, part = b"", []
    if part and groups:  # half a letter, at the end of a text that was cut off
        groups[-1] = (groups[-1][0] + data.decode(errors="ignore"), groups[-1][1] + part)
    return groups


def find_non_speech(token_bytes: Sequence[bytes], encode: Callable[[str], Sequence[int]]) -> list[int]:
    """The tokens of symbols that nobody speaks, such as notes and brackets."""
    numbers = {text: token for token, text in enumerate(token_bytes)}
    wanted = [" -", " '", *(space + symbol for symbol in (*_SYMBOLS, *_NOTES) for space in ("", " "))]
    found = {numbers[text.encode()] for text in wanted if text.encode() in numbers}
    found |= {encode(space + note)[0] for note in _NOTES for space in ("", " ")}
    return sorted(found)
