"""SubRip and WebVTT."""

from __future__ import annotations

from collections.abc import Sequence

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions, end_times, has_several_voices
from surtitle.captions.exports.escapes import escape_markup, replace_codes, replace_tags
from surtitle.captions.layout import balance_lines, balance_words
from surtitle.core.words import Word
from surtitle.text.bidi import embed_right_to_left, is_right_to_left

VTT_HEAD = "WEBVTT\n"


def srt(captions: Sequence[Caption], options: ExportOptions) -> str:
    """The captions as SubRip, which cannot hold the times of words."""
    named = has_several_voices(captions)
    return "\n".join(
        srt_cue(number, caption.start, end, srt_text(caption, options, named=named))
        for number, (caption, end) in enumerate(zip(captions, end_times(captions), strict=True), start=1)
    )


def srt_cue(number: int, start: float, end: float, text: str) -> str:
    """A cue of SubRip, without the empty line before the next one; times are in seconds."""
    return f"{number}\n{_time(start, ',')} --> {_time(end, ',')}\n{text}\n"


def srt_text(caption: Caption, options: ExportOptions, *, named: bool) -> str:
    """The text of a caption's cue in SubRip, with its speaker if ``named``."""
    name = f"{caption.voice}: " if named else ""
    return _embed(caption, replace_tags(replace_codes(name + "\n".join(balance_lines(caption.words, options.box)))))


def vtt(captions: Sequence[Caption], options: ExportOptions) -> str:
    """The captions as WebVTT (W3C); words have timestamp tags, by which browsers style past and future words."""
    named = has_several_voices(captions)
    cues = [VTT_HEAD]
    for caption, end in zip(captions, end_times(captions), strict=True):
        cues.append(vtt_cue(caption.start, end, vtt_text(caption, end, options, named=named)))
    return "\n".join(cues)


def vtt_cue(start: float, end: float, text: str) -> str:
    """A cue of WebVTT, without the empty line before the next one; times are in seconds."""
    return f"{_time(start, '.')} --> {_time(end, '.')}\n{text}\n"


def vtt_text(caption: Caption, end: float, options: ExportOptions, *, named: bool) -> str:
    """The text of a caption's cue in WebVTT that ends at ``end``, with its speaker if ``named``."""
    name = f"<v {escape_markup(caption.voice)}>" if named and caption.voice else ""
    lines = balance_words(caption.words, options.box)
    text = (
        _timed(lines, caption.start, end)
        if options.words
        else escape_markup("\n".join(balance_lines(caption.words, options.box)))
    )
    return name + _embed(caption, text)


def _embed(caption: Caption, text: str) -> str:
    """Lines of an Arabic or Hebrew caption with the marks that players need."""
    return embed_right_to_left(text) if is_right_to_left(caption.text, caption.language) else text


def _timed(lines: list[list[Word]], start: float, end: float) -> str:
    """Each word after its time; a tag must be within the cue, and later than the tag before it."""
    text = ""
    before = round(start * 1000)
    for line in lines:
        text += "\n" if text else ""
        for place, word in enumerate(line):
            text += " " if place and word.spaced else ""
            if before < round(word.start * 1000) < round(end * 1000):
                before = round(word.start * 1000)
                text += f"<{_time(word.start, '.')}>"
            text += escape_markup(word.text)
    return text


def _time(seconds: float, point: str) -> str:
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}{point}{milliseconds % 1000:03d}"
