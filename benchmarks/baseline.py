"""Errors of a model on whole recordings with five beams: what its live captions are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from benchmarks.models import Model
from benchmarks.recordings import Recording
from benchmarks.scores import Reference, written_errors
from benchmarks.whole_file import transcript
from benchmarks.wording import words


@dataclass(frozen=True)
class Baseline:
    """Errors of some recordings together."""

    words: int
    errors: int
    written: int  # tokens with case and punctuation
    written_errors: int

    @property
    def rate(self) -> float:
        return self.errors / max(1, self.words)

    @property
    def written_rate(self) -> float:
        return self.written_errors / self.written if self.written else float("nan")


def baseline(model: Model, recordings: Sequence[Recording], names: Iterable[str]) -> Baseline:
    """The model's errors on each of the recordings ``names``, every one of them whole and on its own."""
    known = {recording.name: recording for recording in recordings}
    each = [_errors(model, known[name]) for name in names]
    return Baseline(*(sum(column) for column in zip(*each, strict=True)))


def _errors(model: Model, recording: Recording) -> tuple[int, int, int, int]:
    text = transcript(model, recording.samples, recording.language).text
    said = [word.word for word in recording.words]
    references = [Reference(token.word, recording.formatted) for token in recording.tokens]
    return (
        len(said),
        Levenshtein.distance(said, words(text, recording.language)),
        sum(reference.scored for reference in references),
        written_errors(references, text, recording.language),
    )
