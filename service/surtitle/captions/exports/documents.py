"""Transcripts for reading: plain text and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions, has_several_voices
from surtitle.core.clock import format_clock
from surtitle.core.words import join

_PAUSE = 4.0  # seconds of silence after which a new paragraph begins
_LENGTH = 700  # characters after which a paragraph ends with the next caption
_MARKS = re.compile(r"([\\`*_\[\]<>#|~])")
_LISTS = re.compile(r"^(\d+)([.)])(?=\s|$)|^([-+])(?=\s|$)")


def txt(captions: Sequence[Caption], options: ExportOptions) -> str:
    """Plain text with one line per caption, and names where the speaker changes."""
    named = has_several_voices(captions)
    voices_before = [None, *(caption.voice for caption in captions)]
    return "".join(
        txt_lines(caption, before, named=named) for caption, before in zip(captions, voices_before[:-1], strict=True)
    )


def txt_lines(caption: Caption, before: str | None, *, named: bool) -> str:
    """A caption's lines in plain text; if ``named``, with its speaker unless the caption ``before`` has the same."""
    return f"{caption.voice}:\n{caption.text}\n" if named and caption.voice != before else f"{caption.text}\n"


def timed_txt(captions: Sequence[Caption], options: ExportOptions) -> str:
    """Plain text with one line per caption that begins with its time, and with its speaker if there are several."""
    named = has_several_voices(captions)
    return "".join(
        f"[{format_clock(caption.start)}] {f'{caption.voice}: ' if named else ''}{caption.text}\n"
        for caption in captions
    )


def md(captions: Sequence[Caption], options: ExportOptions) -> str:
    """Markdown in paragraphs, each with its speaker and time."""
    blocks = []
    for paragraph in paragraphs(captions):
        text = _escape(join(word for caption in paragraph for word in caption.words))
        blocks.append(f"**{_escape(paragraph[0].voice)}** ({format_clock(paragraph[0].start)})  \n{text}\n")
    return "\n".join(blocks)


def paragraphs(captions: Sequence[Caption]) -> Iterator[list[Caption]]:
    """Runs of captions of one voice without a long pause between them."""
    open_: list[Caption] = []
    for caption in captions:
        if open_ and (
            caption.voice != open_[-1].voice
            or caption.start - open_[-1].end > _PAUSE
            or sum(len(one.text) for one in open_) > _LENGTH
        ):
            yield open_
            open_ = []
        open_.append(caption)
    if open_:
        yield open_


def _escape(text: str) -> str:
    """Escape text so that Markdown shows it unchanged."""
    text = _MARKS.sub(r"\\\1", text.replace("&", "&amp;"))
    return _LISTS.sub(lambda found: f"{found[1]}\\{found[2]}" if found[1] else f"\\{found[3]}", text)
