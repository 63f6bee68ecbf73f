"""Punctuation marks by what they do, in every script that Whisper writes."""

from __future__ import annotations

FULL_STOPS = ".．｡。"
"""End a sentence, unless they belong to a number or an abbreviation (Latin, full-width, half-width, ideographic)."""

TERMINATORS = (
    "!?！？‼‽⁇⁈⁉﹗﹖︕︖"
    "։՞՜"  # Armenian: full stop, question, exclamation
    "\u037e"  # Greek question mark
    "؟۔؝"  # Arabic and Urdu
    "܀܁܂"  # Syriac
    "߹"  # N'Ko
    "।॥"  # Devanagari and its neighbours
    "።፧፨"  # Ethiopic
    "။"  # Myanmar
    "។៕"  # Khmer
    "།༎"  # Tibetan
    "᠃᠉"  # Mongolian
    "꓿꘎꘏꫰꫱꯫"
    "︒﹒"
)
"""Always end a sentence, whatever they follow."""

ELLIPSES = "…⋯"
OPENING = "\"'“‘„‚«‹¿¡([{（［｛〈《「『【〔〖"
CLOSING = "\"'”’“‘»›«‹)]}）］｝〉》」』】〕〗"
"""Quotes and brackets that may follow the end of a sentence; “ and « close in German, » and ” elsewhere."""

PAUSES = ",;:、，；：،؛،٬٫፣፤፥၊·"
"""Divide a sentence."""

DASHES = "-‐‑–—―"
FRAME = "".join(dict.fromkeys(FULL_STOPS + TERMINATORS + ELLIPSES + OPENING + CLOSING + PAUSES + DASHES + "<>"))
"""Every mark that may stand around a word."""
