"""Podcasting 2.0: the JSON transcript and the JSON chapters of the podcast namespace (podcastindex.org)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions
from surtitle.captions.units import ends_sentence_at, units
from surtitle.core.words import join
from surtitle.text.sentences import strip_end_marks

_MIN_CHAPTER = 120.0  # seconds
_MAX_CHAPTERS = 15  # approximate number in a long recording
_SEARCH_RANGE = 2.5  # multiples of the minimum length within which the end of a chapter is searched
_VOICE_CHANGE = 1.5  # seconds of silence that a change of voices is worth
_MAX_TITLE_LENGTH = 60  # characters


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter; ``start`` is in seconds."""

    start: float
    title: str


def transcript(captions: Sequence[Caption], options: ExportOptions) -> str:
    """The JSON transcript (`transcripts/transcripts.md` of the namespace); a segment is a caption or a whole word."""
    segments = []
    for caption in captions:
        parts = [(unit[0].start, unit[-1].end, join(unit)) for unit in units(caption.words)]
        if not options.words:
            parts = [(caption.start, caption.end, caption.text)]
        segments += [
            {"speaker": caption.voice, "startTime": round(start, 3), "endTime": round(end, 3), "body": body}
            for start, end, body in parts
        ]
    return _dump_json({"version": "1.0.0", "segments": segments})


def chapters(captions: Sequence[Caption], options: ExportOptions) -> str:
    """The JSON chapters (`chapters/jsonChapters.md` of the namespace)."""
    found = [{"startTime": round(chapter.start, 3), "title": chapter.title} for chapter in find_chapters(captions)]
    return _dump_json({"version": "1.2.0", "chapters": found})


def find_chapters(captions: Sequence[Caption], min_length: float | None = None) -> list[Chapter]:
    """Find chapters: they begin where the pause before a caption is longest, or the voice changes.

    No chapter is shorter than ``min_length`` seconds, which by default grows with the recording's length. The title
    is the beginning of the chapter's text.
    """
    if not captions:
        return []
    end = max(caption.end for caption in captions)
    min_length = max(_MIN_CHAPTER, end / _MAX_CHAPTERS) if min_length is None else min_length
    scores = _score_starts(captions)
    starts = [0]
    begun = 0.0
    while True:
        places = [
            place
            for place, caption in enumerate(captions)
            if begun + min_length <= caption.start <= min(begun + _SEARCH_RANGE * min_length, end - min_length)
        ]
        if not places:
            break
        best = max(places, key=lambda place: (scores[place], -place))
        starts.append(best)
        begun = captions[best].start
    return [Chapter(captions[place].start if place else 0.0, _title(captions[place:])) for place in starts]


def _score_starts(captions: Sequence[Caption]) -> list[float]:
    """A score for each caption: how well a chapter would begin with it."""
    scores = [0.0]
    until = captions[0].end
    for before, caption in pairwise(captions):
        score = max(0.0, caption.start - until) + (_VOICE_CHANGE if caption.voice != before.voice else 0.0)
        ended = ends_sentence_at(before.words, len(before.words), before.language, caption.text)
        scores.append(score if ended else score - 1.0)
        until = max(until, caption.end)
    return scores


def _title(captions: Sequence[Caption]) -> str:
    """The first sentence of the chapter's first voice, cut to the length of a title."""
    voice = captions[0].voice
    words = [word for one in takewhile(lambda one: one.voice == voice, captions) for word in one.words]
    for count, word in enumerate(words, start=1):
        if len(join(words[:count])) > _MAX_TITLE_LENGTH and count > 1:
            return join(words[: count - 1]).rstrip(",;:–-") + "…"
        if ends_sentence_at(words, count, captions[0].language):
            return strip_end_marks(join(words[:count])) if word.text.endswith(".") else join(words[:count])
    return join(words)


def _dump_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
