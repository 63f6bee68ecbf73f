"""Transcripts: the export formats, and captions as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions, ass, cues, documents, podcast
from surtitle.captions.exports.escapes import remove_controls
from surtitle.core.errors import NoSuchFormat
from surtitle.core.wire.captions import FinalCaption, TranscriptJson, Word


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """An export format; ``timed`` says whether it can hold the times of words."""

    media_type: str
    write: Callable[[Sequence[Caption], ExportOptions], str]
    timed: bool = False


def export(captions: Iterable[Caption], form: str, options: ExportOptions = ExportOptions()) -> str:
    """The final captions in the format ``form``, one of `EXPORT_FORMATS`; by time, with names if several speak."""
    final = sort_final(map(remove_controls, captions))
    return EXPORT_FORMATS[form].write(shift_captions(final, options.offset) if options.offset else final, options)


def get_format(form: str) -> ExportFormat:
    """The export format of that name. Raises `NoSuchFormat`."""
    if form not in EXPORT_FORMATS:
        raise NoSuchFormat(f"{form[:20]!r} is not a transcript format: use one of {', '.join(EXPORT_FORMATS)}.")
    return EXPORT_FORMATS[form]


def sort_final(captions: Iterable[Caption]) -> list[Caption]:
    """The final captions that have text, in order of time."""
    final = (caption for caption in captions if caption.final and caption.text)
    return sorted(final, key=lambda caption: (caption.start, caption.end))


def shift_captions(captions: Iterable[Caption], seconds: float) -> list[Caption]:
    """The captions shifted by ``seconds``, without the words that would end before 0."""
    shifted = (
        replace(caption, words=tuple(word.shift(seconds) for word in caption.words if word.end + seconds > 0))
        for caption in captions
    )
    return [caption for caption in shifted if caption.words]


def caption_as_json(caption: Caption) -> FinalCaption:
    """A caption with all its words, as `GET …/transcript.json` has it."""
    return FinalCaption(
        id=caption.id,
        source=caption.source,
        speaker=caption.speaker,
        start=round(caption.start, 3),
        end=round(caption.end, 3),
        text=caption.text,
        lang=caption.language,
        words=words_as_json(caption),
    )


def words_as_json(caption: Caption) -> list[Word]:
    """The committed words: text, start, end in seconds, probability, and who says it where that is known.

    ``join`` is true for a word that follows the one before without a space: ",000" after "10".
    """
    words = []
    for place, word in enumerate(caption.words):
        described = Word(w=word.text, s=round(word.start, 3), e=round(word.end, 3), p=round(word.probability, 3))
        if place and not word.spaced:
            described["join"] = True
        if word.speaker:
            described["speaker"] = word.speaker
        words.append(described)
    return words


def _json(captions: Sequence[Caption], options: ExportOptions) -> str:
    transcript = TranscriptJson(captions=[caption_as_json(caption) for caption in captions])
    return json.dumps(transcript, ensure_ascii=False, indent=1) + "\n"


EXPORT_FORMATS = {
    "srt": ExportFormat("application/x-subrip; charset=utf-8", cues.srt),
    "vtt": ExportFormat("text/vtt; charset=utf-8", cues.vtt, timed=True),
    "ass": ExportFormat("text/x-ssa; charset=utf-8", ass.ass, timed=True),
    "txt": ExportFormat("text/plain; charset=utf-8", documents.txt),
    "timed.txt": ExportFormat("text/plain; charset=utf-8", documents.timed_txt),
    "md": ExportFormat("text/markdown; charset=utf-8", documents.md),
    "json": ExportFormat("application/json", _json, timed=True),
    "podcast.json": ExportFormat("application/json", podcast.transcript, timed=True),
    "chapters.json": ExportFormat("application/json+chapters", podcast.chapters),
}
