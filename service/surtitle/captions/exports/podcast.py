"""Podcasting 2.0: the JSON transcript and the JSON chapters of the podcast namespace (podcastindex.org)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions
from surtitle.captions.units import sentence_ends, units
from surtitle.core.words import join
from surtitle.text.sentences import without_end

_LEAST = 120.0  # seconds of a chapter
_MOST = 15  # chapters of a long recording, about
_REACH = 2.5  # least lengths in which the end of a chapter is looked for
_TURN = 1.5  # seconds of silence for which a change of voices counts
_TITLE = 60  # characters


@dataclass(frozen=True, slots=True)
class Chapter:
    """``start`` in seconds."""

    start: float
    title: str


def transcript(captions: Sequence[Caption], look: ExportOptions) -> str:
    """A segment is a caption, or a word with all its pieces; see the namespace's `transcripts/transcripts.md`."""
    segments = []
    for caption in captions:
        parts = [(unit[0].start, unit[-1].end, join(unit)) for unit in units(caption.words)]
        if not look.words:
            parts = [(caption.start, caption.end, caption.text)]
        segments += [
            {"speaker": caption.voice, "startTime": round(start, 3), "endTime": round(end, 3), "body": body}
            for start, end, body in parts
        ]
    return _written({"version": "1.0.0", "segments": segments})


def chapters(captions: Sequence[Caption], look: ExportOptions) -> str:
    """See the namespace's `chapters/jsonChapters.md`."""
    found = [{"startTime": round(chapter.start, 3), "title": chapter.title} for chapter in find_chapters(captions)]
    return _written({"version": "1.2.0", "chapters": found})


def find_chapters(captions: Sequence[Caption], least: float | None = None) -> list[Chapter]:
    """Chapters begin where the pause before a caption is longest, or somebody else takes over.

    None is shorter than ``least`` seconds, which grows with the length unless it is given. The title
    is how the chapter begins.
    """
    if not captions:
        return []
    end = max(caption.end for caption in captions)
    least = max(_LEAST, end / _MOST) if least is None else least
    merits = _merits(captions)
    starts = [0]
    begun = 0.0
    while True:
        places = [
            place
            for place, caption in enumerate(captions)
            if begun + least <= caption.start <= min(begun + _REACH * least, end - least)
        ]
        if not places:
            break
        best = max(places, key=lambda place: (merits[place], -place))
        starts.append(best)
        begun = captions[best].start
    return [Chapter(captions[place].start if place else 0.0, _title(captions[place:])) for place in starts]


def _merits(captions: Sequence[Caption]) -> list[float]:
    """How well a chapter would begin with each caption."""
    merits = [0.0]
    until = captions[0].end
    for before, caption in pairwise(captions):
        merit = max(0.0, caption.start - until) + (_TURN if caption.voice != before.voice else 0.0)
        ended = sentence_ends(before.words, len(before.words), before.language, caption.text)
        merits.append(merit if ended else merit - 1.0)
        until = max(until, caption.end)
    return merits


def _title(captions: Sequence[Caption]) -> str:
    """The first sentence of who begins, or as many of its words as a title may have."""
    voice = captions[0].voice
    words = [word for one in takewhile(lambda one: one.voice == voice, captions) for word in one.words]
    for count, word in enumerate(words, start=1):
        if len(join(words[:count])) > _TITLE and count > 1:
            return join(words[: count - 1]).rstrip(",;:–-") + "…"
        if sentence_ends(words, count, captions[0].language):
            return without_end(join(words[:count])) if word.text.endswith(".") else join(words[:count])
    return join(words)


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
