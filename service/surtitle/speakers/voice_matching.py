"""Finds the known voice that a speaker has. Pure.

The thresholds were chosen with real people's speech: docs/speakers.md has the figures. A wrong name is worse than none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from surtitle.speakers.voice_encoder import VoicePrint, normalize
from surtitle.speakers.voice_tracker import Voice

MIN_SECONDS = 6.0
"""Seconds of speech from which a voice is compared or remembered."""

MIN_SIMILARITY = 0.84
"""Cosine from which two voice prints are of the same person."""

MIN_MARGIN = 0.05
"""By how much the best known voice must be more similar than the second."""

_MAX_WEIGHT = 60.0  # seconds: more speech in one session does not count more


def average_voices(voices: Iterable[Voice]) -> Voice:
    """One voice of several recordings of the same person, longer ones counting more. Raises `ValueError` for none."""
    known = list(voices)
    if not known:
        raise ValueError("an average needs a voice")
    total = np.sum([min(one.seconds, _MAX_WEIGHT) * one.print.astype(np.float64) for one in known], axis=0)
    return Voice(normalize(total), sum(one.seconds for one in known))


def compare_voices(first: VoicePrint, second: VoicePrint) -> float:
    """How similar two voices are: 1 at most, and about 0.5 for those of different people."""
    return float(first @ second)


def find_known(voice: Voice, known: Mapping[str, Sequence[Voice]], taken: Collection[str] = ()) -> str | None:
    """The name of the person whose voice this clearly is; None if there is none, or if it is one of ``taken``.

    ``known`` has the voices of each person, such as with different microphones.
    """
    if voice.seconds < MIN_SECONDS or not known:
        return None
    ranking = sorted(((_compare_to_all(voice, voices), name) for name, voices in known.items()), reverse=True)
    (best, name), second = ranking[0], ranking[1][0] if len(ranking) > 1 else -1.0
    clear = best >= MIN_SIMILARITY and best - second >= MIN_MARGIN
    return name if clear and name not in taken else None


def _compare_to_all(voice: Voice, known: Sequence[Voice]) -> float:
    """How similar a voice is to the most similar of a person's voices, or to their average."""
    return max(compare_voices(voice.print, one.print) for one in (*known, average_voices(known)))
