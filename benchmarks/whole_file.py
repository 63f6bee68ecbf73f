"""A model on a whole recording with five beams: word times, and the errors that live captions are compared with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.models import Model
from benchmarks.paths import CACHE
from benchmarks.scores import TimedWord

OPTIONS: dict[str, Any] = {"beam_size": 5, "word_timestamps": True, "condition_on_previous_text": False}
COMPUTE_TYPE = "int8"


@dataclass(frozen=True)
class Transcript:
    """A whole recording as a model wrote it; ``words`` as written, with times in seconds."""

    language: str
    text: str
    words: tuple[TimedWord, ...]


def transcript(model: Model, samples: NDArray[np.int16], language: str | None = None) -> Transcript:
    """What ``model`` makes of 16-bit mono ``samples`` at 16 kHz; ``language`` None: it finds out. Cached on disk."""
    setup = [model.digest, language, COMPUTE_TYPE, OPTIONS, version("faster-whisper")]
    key = hashlib.sha256(json.dumps(setup, sort_keys=True).encode() + samples.tobytes()).hexdigest()[:24]
    file = CACHE / "whole-file" / f"{key}.json"
    if file.exists():
        stored = json.loads(file.read_text())
        return Transcript(stored["language"], stored["text"], tuple(TimedWord(**word) for word in stored["words"]))
    made = _transcribe(model, samples, language)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(made), ensure_ascii=False, indent=1))
    return made


def _transcribe(model: Model, samples: NDArray[np.int16], language: str | None) -> Transcript:
    sound = samples.astype(np.float32) / 2**15
    segments, about = _loaded(model.directory).transcribe(sound, language=language, **OPTIONS)
    found = list(segments)
    words = [
        TimedWord(word.word.strip(), float(word.start), float(word.end)) for segment in found for word in segment.words
    ]
    return Transcript(str(about.language), "".join(segment.text for segment in found).strip(), tuple(words))


@cache
def _loaded(directory: Path) -> Any:
    from faster_whisper import WhisperModel

    return WhisperModel(str(directory), device="cpu", compute_type=COMPUTE_TYPE)
