"""Texts that are too long for a line."""

from __future__ import annotations

_LONGEST_WORD = 20  # characters at the end that are left out to cut between words


def shorten(text: str, length: int) -> str:
    """The text in at most ``length`` characters: cut between words where there are any, and ending in "…"."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    space = text.rfind(" ", max(0, length - 1 - _LONGEST_WORD), length)
    return (cut[:space] if space > 0 else cut).rstrip() + "…"
