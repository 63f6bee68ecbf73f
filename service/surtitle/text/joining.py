"""Decides which pieces of text must not be separated by the end of a line or caption. Pure.

Recognizers write "10" + ",000", "aujourd" + "'hui" and "U" + ".S.". In scripts without spaces, a line may end
after any piece, except by the rules of Japanese and Chinese typesetting (kinsoku, JIS X 4051): some marks never begin a
line, and others never end one.
"""

from __future__ import annotations

import re
import unicodedata

from surtitle.text.punctuation import CLOSING, DASHES, ELLIPSES, FULL_STOPS, PAUSES, TERMINATORS
from surtitle.text.scripts import is_unspaced

SPACED_MARKS = ("?", "!", ":", ";", "»", "%", "?!", "!?", "…", "...")
"""Marks that have a space before them in French; no line may begin with one."""

_NUMBER_END = re.compile(r"(?:^|\D)\d{1,3}$")
_NUMBER_REST = re.compile(r"(?:\d{3}(?!\d)|(?:[%‰€$£¥₽₴₹₩₺₪]|°[CF]?|℃|℉)(?!\w))")
"""What follows a number after a space: its next three digits, or a sign ("10 000 €", "20 °C")."""
_SIGNS_BEFORE_NUMBER = "$€£¥￥₽₴₹₩₺₪฿№§°º−±≈"  # "n° 5", "nº 5", "− 5"

_NEVER_FIRST = (
    frozenset(
        FULL_STOPS + TERMINATORS + ELLIPSES + PAUSES + CLOSING + "%％‰°℃¢"
        "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ"  # small kana
        "ーｰ々〻ゝゞヽヾ〜～゠"  # prolonged sounds, iteration
        "ๆຯະາໆฯ"  # Thai and Lao
    )
    - frozenset("“‘«‹")
)
_NEVER_LAST = frozenset("‘“„‚«‹¿¡([{（［｛〈《「『【〔〖$€£¥￥＄№#＃")
_BREAK_AFTER = frozenset("—―")  # dashes after which a line may end


def must_stay_together(before: str, after: str, *, spaced: bool) -> bool:
    """Whether ``before`` and ``after`` must be on the same line; ``spaced``: there is a space between them."""
    if not before or not after:
        return not spaced
    if spaced:
        return (
            after in SPACED_MARKS
            or before in ("«", "‹", "¿", "¡")
            or (before[-1] in _SIGNS_BEFORE_NUMBER and after[0].isdigit())
            or bool(_NUMBER_END.search(before) and _NUMBER_REST.match(after))
        )
    first, last = after[0], before[-1]
    if first in _NEVER_FIRST or last in _NEVER_LAST or unicodedata.combining(first) or _is_mark(first):
        return True
    if last in _BREAK_AFTER:
        return False
    if first in DASHES or last in DASHES:
        return True
    return not (is_unspaced(first) or is_unspaced(last) or _closes_unspaced(before))


def _is_mark(character: str) -> bool:
    """Whether ``character`` is a vowel sign or tone mark, which is attached to the letter before it."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me")


def _closes_unspaced(text: str) -> bool:
    """Whether ``text`` ends with a full-width mark, after which a line may end in Japanese and Chinese."""
    return unicodedata.east_asian_width(text[-1]) in ("W", "F") and not text[-1].isalnum()
