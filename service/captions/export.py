"""Transcripts: SubRip, WebVTT, text and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from service.captions.caption import Caption
from service.captions.layout import Box, balanced

_SHORTEST = 0.9  # seconds a caption stays at least, if the next one leaves it the time

MEDIA_TYPES = {
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "json": "application/json",
}


def export(captions: Sequence[Caption], form: str, box: Box = Box()) -> str:
    """Final captions as ``form``, one of `MEDIA_TYPES`; by time, speakers named where there are several."""
    ordered = sorted(
        (caption for caption in captions if caption.final), key=lambda caption: (caption.start, caption.end)
    )
    writers: dict[str, Callable[[list[Caption], Box], str]] = {"srt": _srt, "vtt": _vtt, "txt": _txt, "json": _json}
    return writers[form](ordered, box)


def _srt(captions: list[Caption], box: Box) -> str:
    cues = []
    for number, (caption, end) in enumerate(zip(captions, _ends(captions), strict=True), start=1):
        name = f"{caption.voice}: " if _several(captions) else ""
        text = name + "\n".join(balanced(caption.words, box))
        cues.append(f"{number}\n{_time(caption.start, ',')} --> {_time(end, ',')}\n{text}\n")
    return "\n".join(cues)


def _vtt(captions: list[Caption], box: Box) -> str:
    cues = ["WEBVTT\n"]
    for caption, end in zip(captions, _ends(captions), strict=True):
        name = f"<v {_escape(caption.voice)}>" if _several(captions) else ""
        text = name + _escape("\n".join(balanced(caption.words, box)))
        cues.append(f"{_time(caption.start, '.')} --> {_time(end, '.')}\n{text}\n")
    return "\n".join(cues)


def _txt(captions: list[Caption], box: Box) -> str:
    lines: list[str] = []
    before = None
    for caption in captions:
        if _several(captions) and caption.voice != before:
            lines.append(f"{caption.voice}:")
        before = caption.voice
        lines.append(caption.text)
    return "".join(f"{line}\n" for line in lines)


def _json(captions: list[Caption], box: Box) -> str:
    return json.dumps({"captions": [as_json(caption) for caption in captions]}, ensure_ascii=False, indent=1) + "\n"


def as_json(caption: Caption) -> dict[str, Any]:
    """A caption with all its words, as `GET …/transcript.json` has it."""
    return {
        "id": caption.id,
        "source": caption.source,
        "speaker": caption.speaker,
        "start": round(caption.start, 3),
        "end": round(caption.end, 3),
        "text": caption.text,
        "lang": caption.language,
        "words": words_as_json(caption),
    }


def words_as_json(caption: Caption) -> list[dict[str, Any]]:
    """The committed words: text, start, end in seconds, probability, and who says it where that is known."""
    return [
        {"w": word.text, "s": round(word.start, 3), "e": round(word.end, 3), "p": round(word.probability, 3)}
        | ({"speaker": word.speaker} if word.speaker else {})
        for word in caption.words
    ]


def _ends(captions: list[Caption]) -> list[float]:
    """When each caption leaves: not before it could be read, not after the next of its source begins."""
    ends = []
    following: dict[str, float] = {}
    for caption in reversed(captions):
        wished = max(caption.end, caption.start + _SHORTEST)
        ends.append(max(caption.start + 0.001, min(wished, following.get(caption.source, wished))))
        following[caption.source] = caption.start
    return ends[::-1]


def _several(captions: list[Caption]) -> bool:
    return len({caption.voice for caption in captions}) > 1


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(seconds: float, point: str) -> str:
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}{point}{milliseconds % 1000:03d}"
