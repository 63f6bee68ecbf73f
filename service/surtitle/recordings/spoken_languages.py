"""Decides in which language each piece of a recording is spoken, from what was detected in each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log

_SWITCH_COST = 1.5  # what another language must gain in the logarithm of its probability, at a pause of no length
_PAUSE_BONUS, _MAX_PAUSE = 0.2, 2.0  # less of that for each second of a pause, up to so many
_EDGE_COST = 1.2  # at the end: nothing follows that shows whether the language has changed or was detected wrongly
_FULL_VOICE = 2.0  # seconds of voice from which a detection counts in full: in less, more of them are wrong
_MIN_BORDER = 0.1  # the probability that a detection in little voice leaves the other language: it is often wrong
_MIN_PROBABILITY = 0.001  # no single detection excludes a language
_MIN_CANDIDATE = 0.3  # the probability that a language must have in at least one piece
_MIN_FIRST = 0.5  # the same for one of them if the language before is not known


@dataclass(frozen=True, slots=True)
class Detection:
    """What was detected in a piece of ``voice`` seconds after a pause of ``gap`` seconds.

    ``probabilities`` are by language; empty for a piece that is too short for a detection.
    """

    voice: float
    gap: float
    probabilities: Mapping[str, float]


def choose_languages(detections: Sequence[Detection], before: str | None = None) -> list[str]:
    """The most probable language of each piece, after one in the language ``before``; empty if nothing is probable.

    People change the language now and then, and rather after a long pause: this is the most probable path through a
    hidden Markov model (Viterbi 1967). So a doubtful piece is in the language of those around it.
    """
    found = [max(one.probabilities.items(), key=lambda pair: pair[1]) for one in detections if one.probabilities]
    if before is None and not any(probability >= _MIN_FIRST for _, probability in found):
        return []
    candidates = {code for code, probability in found if probability >= _MIN_CANDIDATE}
    languages = sorted(candidates | ({before} if before else set()))
    first_cost = _switch_cost(detections[0])
    main = max(languages, key=lambda code: _sum_up(detections, code) + (first_cost + _EDGE_COST) * (code == before))
    scores = {code: 0.0 if code == (before or main) else -first_cost for code in languages}
    origins: list[dict[str, str]] = []
    for place, one in enumerate(detections):
        if place:
            cost = _switch_cost(one)
            best = max(languages, key=scores.__getitem__)
            origin = {code: best if scores[best] - cost > scores[code] else code for code in languages}
            scores = {code: scores[came] - (cost if came != code else 0.0) for code, came in origin.items()}
            origins.append(origin)
        scores = {code: score + _rate(one, code) for code, score in scores.items()}
    path = [max(languages, key=lambda code: scores[code] - _EDGE_COST * (code != main))]
    for origin in reversed(origins):
        path.append(origin[path[-1]])
    return path[::-1]


def find_borders(detections: Sequence[Detection], languages: Sequence[str]) -> dict[int, tuple[str, str]]:
    """The pieces without a detection between pieces of two languages, by index, with these languages."""
    detected = [index for index, one in enumerate(detections) if one.probabilities]
    return {
        index: (languages[before], languages[after])
        for before, after in pairwise(detected)
        for index in range(before + 1, after)
        if languages[before] != languages[after]
    }


def restrict_to_border(detection: Detection, border: tuple[str, str], ranking: Mapping[str, float]) -> Detection:
    """The detection with the probabilities of the two languages of a border, from a ``ranking`` in little voice.

    It counts about as much as the pauses around the piece.
    """
    total = sum(ranking.get(code, 0.0) for code in border)
    if not total:
        return detection
    shares = {code: max(_MIN_BORDER, ranking.get(code, 0.0) / total) for code in border}
    return replace(detection, probabilities=shares)


def _switch_cost(detection: Detection) -> float:
    return _SWITCH_COST - _PAUSE_BONUS * min(detection.gap, _MAX_PAUSE)


def _sum_up(detections: Sequence[Detection], language: str) -> float:
    return sum(_rate(one, language) for one in detections)


def _rate(detection: Detection, language: str) -> float:
    if not detection.probabilities:
        return 0.0
    probability = max(_MIN_PROBABILITY, detection.probabilities.get(language, 0.0))
    return min(1.0, detection.voice / _FULL_VOICE) * log(probability)
