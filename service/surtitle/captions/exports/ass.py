"""Advanced SubStation Alpha 4+: a style with its own color for each voice, and words as karaoke syllables."""

from __future__ import annotations

from collections.abc import Sequence

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions, end_times, has_several_voices
from surtitle.captions.exports.escapes import replace_codes
from surtitle.captions.layout import balance_words
from surtitle.core.words import Word
from surtitle.text.bidi import embed_right_to_left, is_right_to_left

_COLORS = ("FFFFFF", "64C7FF", "FFC87C", "B0E05F", "6B9FFF", "FFA6D8")  # in the order blue, green, red
_HEAD = """[Script Info]
ScriptType: v4.00+
WrapStyle: 2
ScaledBorderAndShadow: yes
PlayResX: 1920
PlayResY: 1080

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
"""
_STYLE = (
    "Style: {name},Arial,64,&H00{color},&H00A0A0A0,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,4,0,2,96,96,64,"
    "{encoding}\n"
)
_PLAIN, _BIDI = 1, -1  # with -1, libass lays out a line across its karaoke syllables, as right-to-left text needs
_EVENTS = "\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"


def ass(captions: Sequence[Caption], options: ExportOptions) -> str:
    """The captions as ASS, whose times are in hundredths of a second.

    Names are in their own field, and also in the text if there are several voices.
    """
    voices = list(dict.fromkeys(caption.voice for caption in captions)) if has_several_voices(captions) else [""]
    styles = [f"Voice {number}" if number > 1 else "Default" for number in range(1, len(voices) + 1)]
    encoding = _BIDI if any(is_right_to_left(caption.text, caption.language) for caption in captions) else _PLAIN
    text = _HEAD
    for number, style in enumerate(styles):
        text += _STYLE.format(name=style, color=_COLORS[number % len(_COLORS)], encoding=encoding)
    text += _EVENTS
    for caption, end in zip(captions, end_times(captions), strict=True):
        style = styles[voices.index(caption.voice)] if len(voices) > 1 else styles[0]
        shown = replace_codes(caption.voice) + ": " if len(voices) > 1 else ""
        lines = balance_words(caption.words, options.box)
        content = shown + (
            _sung(lines, caption.start, end) if options.words else "\n".join(_line(line) for line in lines)
        )
        if is_right_to_left(caption.text, caption.language):
            content = embed_right_to_left(content)
        content = content.replace("\n", "\\N")
        name = " ".join(caption.voice.replace(",", " ").split())
        text += f"Dialogue: 0,{_time(caption.start)},{_time(end)},{style},{name},0,0,0,,{content}\n"
    return text


def _line(words: Sequence[Word]) -> str:
    return "".join(
        (" " if index and word.spaced else "") + replace_codes(word.text) for index, word in enumerate(words)
    )


def _sung(lines: Sequence[Sequence[Word]], start: float, end: float) -> str:
    r"""Each word after ``{\k…}``, the hundredths of a second until the next one begins."""
    words = [word for line in lines for word in line]
    limits = [start, *(max(start, word.start) for word in words[1:]), end]
    hundredths = [round((limit - start) * 100) for limit in limits]
    text, index = "", 0
    for line in lines:
        text += "\n" if text else ""
        for first, word in enumerate(line):
            length = max(0, hundredths[index + 1] - hundredths[index])
            text += (" " if first and word.spaced else "") + f"{{\\k{length}}}{replace_codes(word.text)}"
            index += 1
    return text


def _time(seconds: float) -> str:
    hundredths = round(max(0.0, seconds) * 100)
    minutes, hundredths = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{hundredths // 100:02d}.{hundredths % 100:02d}"
