"""Words made of tokens, with a small vocabulary."""

from __future__ import annotations

import pytest

from surtitle.speech.whisper_cpp.tokens import find_non_speech, split_words

WORDS = [b" well", b"come", b",", b" to", b" caf", b"\xc3", b"\xa9"]
BYTES = [*WORDS, "今".encode(), "日".encode(), b" ", b"[", b" -", b"\xff"]


@pytest.mark.parametrize(
    ("tokens", "language", "words"),
    [
        ([0, 1, 3], "en", [(" wellcome", [0, 1]), (" to", [3])]),
        ([0, 2, 3], "en", [(" well", [0]), (",", [2]), (" to", [3])]),
        ([4, 5, 6, 3], "fr", [(" café", [4, 5, 6]), (" to", [3])]),  # two tokens for one letter
        ([7, 8], "ja", [("今", [7]), ("日", [8])]),
        ([7, 8], "en", [("今日", [7, 8])]),
        ([4, 5], "fr", [(" caf", [4, 5])]),  # half a letter at the end
        ([0, 12, 3], "en", [(" well\ufffd", [0, 12]), (" to", [3])]),
        ([], "en", []),
    ],
)
def test_tokens_become_words(tokens: list[int], language: str, words: list[tuple[str, list[int]]]) -> None:
    assert split_words(tokens, BYTES, language) == words


def test_symbols_are_not_speech() -> None:
    def encode(text: str) -> list[int]:
        return [5]  # as if each note began with this byte

    assert find_non_speech(BYTES, encode) == [5, 10, 11]
