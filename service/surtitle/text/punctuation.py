"""Punctuation marks by function, in every script that Whisper writes."""

from __future__ import annotations

FULL_STOPS = ".．｡。"
"""Marks that end a sentence, except in a number or an abbreviation (Latin, full-width, half-width, ideographic)."""

TERMINATORS = (
    "!?！？‼‽⁇⁈⁉﹗﹖︕︖"
    "։՞՜"  # Armenian: full stop, question, exclamation
    "\u037e"  # Greek question mark
    "؟۔؝"  # Arabic and Urdu
    "܀܁܂"  # Syriac
    "߹"  # N'Ko
    "।॥"  # Devanagari and its neighbors
    "።፧፨"  # Ethiopic
    "။"  # Myanmar
    "។៕"  # Khmer
    "།༎"  # Tibetan
    "᠃᠉"  # Mongolian
    "꓿꘎꘏꫰꫱꯫"
    "︒﹒"
)
"""Marks that always end a sentence."""

ELLIPSES = "…⋯"
OPENING = "\"'“‘„‚«‹¿¡([{（［｛〈《「『【〔〖"
CLOSING = "\"'”’“‘»›«‹)]}）］｝〉》」』】〕〗"
"""Quotes and brackets that may follow the end of a sentence; “ and « close in German, » and ” elsewhere."""

PAUSES = ",;:、，；：،؛،٬٫፣፤፥၊·"
"""Marks that divide a sentence."""

DASHES = "-‐‑–—―"
ALL_MARKS = "".join(dict.fromkeys(FULL_STOPS + TERMINATORS + ELLIPSES + OPENING + CLOSING + PAUSES + DASHES + "<>"))
"""Every mark that may precede or follow a word."""
