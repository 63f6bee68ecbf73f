"""Text that players show as it is, instead of following it as a code of the format. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from surtitle.captions.caption import Caption

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")  # with line ends and lone surrogates
_TAG = re.compile(r"<(\s*/?\s*[A-Za-z][^<>]*)>")
_CODES = str.maketrans({"\\": "⧵", "{": "(", "}": ")"})


def remove_controls(caption: Caption) -> Caption:
    """The caption without line ends and other control characters, which would end a cue in the middle."""
    if not _CONTROLS.search(caption.text + caption.source + caption.voice):
        return caption
    words = tuple(replace(word, text=_to_line(word.text)) for word in caption.words)
    speaker = None if caption.speaker is None else _to_line(caption.speaker)
    return replace(caption, source=_to_line(caption.source), speaker=speaker, words=words)


def replace_codes(text: str) -> str:
    """Replace braces, which enclose overrides in ASS, and backslashes, which begin codes, by similar characters.

    Players such as VLC and mpv follow both in SubRip, too. Neither format has a way to escape them.
    """
    return text.translate(_CODES)


def replace_tags(text: str) -> str:
    """Replace by similar characters what players of SubRip take for a tag or for the times of another cue."""
    return _TAG.sub(r"‹\1›", text).replace("-->", "→")


def escape_markup(text: str) -> str:
    """Escape text for WebVTT."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _to_line(text: str) -> str:
    return " ".join(_CONTROLS.sub(" ", text).split())
