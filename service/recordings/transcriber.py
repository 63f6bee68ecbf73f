"""Recognition of what is known to its end: nothing has to be said early, so all that was said helps."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from service.audio import RATE, Samples
from service.audio.intake import joined
from service.errors import EngineError, ModelError
from service.pipeline import Pipeline
from service.speech.engine import Hints
from service.speech.guards import Evidence, is_invented, without_loop
from service.speech.pocketsphinx import PocketsphinxEngine
from service.speech.whisper import loaded
from service.speech.words import Word
from service.text.languages import AUTO, recognizer_code

_BLOCK = 300.0  # seconds of audio that are held at once
_PAUSE = 1.0  # seconds of silence that end a stretch of speech
_STRETCH = 28.0  # seconds: the longest one, for Whisper hears 30
_AROUND = 0.4  # seconds of sound before and after it
_BATCH = 4  # stretches that are decoded together
_BEAM = 5


class Transcriber(Protocol):
    """Turns audio into words."""

    name: str
    """The model's."""

    def words(self, blocks: Iterable[Samples]) -> Iterator[tuple[float, list[Word]]]:
        """Stretches of speech, and how many seconds were done before the next; times from the first sample of all.

        Raises `EngineError`.
        """

    @property
    def language(self) -> str:
        """What is spoken, or "auto" while nobody knows."""

    def close(self) -> None:
        """Give the memory back."""


class WhisperTranscriber:
    """Whisper with beams, on whole stretches of speech.

    They are cut at pauses and decoded alone, each with as much of what surrounds it as Whisper can hear: as
    accurate as one after the other with the text before, and it cannot fall into loops (Bain et al. 2023, WhisperX).
    """

    def __init__(self, directory: Path, name: str, language: str = "auto", hints: Hints = Hints()) -> None:
        """Takes seconds. Raises `ModelError`."""
        from faster_whisper import BatchedInferencePipeline

        self.name = name
        self.language = language
        self._hints = hints
        try:
            model = loaded(directory, max(1, os.cpu_count() or 1), 1)
        except Exception as error:
            raise ModelError(
                f"The model in {directory} cannot be loaded ({error}): "
                "it must be a Whisper model converted by CTranslate2."
            ) from error
        self.language = recognizer_code(language, frozenset(model.supported_languages)) or AUTO
        self._whisper = BatchedInferencePipeline(model)

    def words(self, blocks: Iterable[Samples]) -> Iterator[tuple[float, list[Word]]]:
        begun = 0.0
        for samples, stretches in _stretches(blocks):
            for one in self._decode(samples, stretches):
                shifted = [word.shifted(begun) for word in one]
                yield (shifted[-1].end if shifted else begun), shifted
            begun += len(samples) / RATE
            yield begun, []

    def close(self) -> None:
        """CTranslate2 gives the memory back with the last reference."""

    def _decode(self, samples: Samples, stretches: list[dict[str, float]]) -> Iterator[list[Word]]:
        if not stretches:
            return
        try:
            segments, info = self._whisper.transcribe(
                samples,
                language=None if self.language == "auto" else self.language,
                beam_size=_BEAM,
                batch_size=_BATCH,
                word_timestamps=True,
                vad_filter=False,
                clip_timestamps=stretches,
                initial_prompt=self._hints.prompt or None,
                hotwords=" ".join(self._hints.hotwords) or None,
            )
            self.language = info.language
            for segment in segments:
                words = without_loop([_word(word) for word in segment.words or ()])
                if not is_invented(words, Evidence(segment.end - segment.start, no_speech=segment.no_speech_prob)):
                    yield words
        except RuntimeError as error:
            raise EngineError(f"Whisper stopped working ({error}): try a smaller model with --model.") from error


class PipelineTranscriber:
    """The embedded recognizer, as it is used live: it knows no other way."""

    name = PocketsphinxEngine.name
    language = "en"

    def __init__(self) -> None:
        self._engine = PocketsphinxEngine()

    def words(self, blocks: Iterable[Samples]) -> Iterator[tuple[float, list[Word]]]:
        numbers = count()
        pipeline = Pipeline(self._engine.open("en"), "", lambda: str(next(numbers)))
        done = 0.0
        try:
            for samples in joined(blocks, round(self._engine.step * RATE)):
                done += len(samples) / RATE
                finals = [caption for caption in pipeline.feed(samples) if caption.final]
                if (failure := pipeline.take_failure()) is not None:
                    raise failure
                yield done, [word for caption in finals for word in caption.words]
            yield done, [word for caption in pipeline.flush() if caption.final for word in caption.words]
        finally:
            pipeline.close()

    def close(self) -> None:
        self._engine.close()


def _stretches(blocks: Iterable[Samples]) -> Iterator[tuple[Samples, list[dict[str, float]]]]:
    """Audio in large blocks, cut in silence, with the stretches of speech in each (seconds)."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(
        min_silence_duration_ms=round(_PAUSE * 1000),
        max_speech_duration_s=_STRETCH,
        speech_pad_ms=round(_AROUND * 1000),
    )
    rest = np.zeros(0, dtype=np.float32)
    waiting = joined(blocks, round(_BLOCK * RATE))
    block = next(waiting, None)
    while block is not None:
        following = next(waiting, None)
        samples = np.concatenate((rest, block))
        found: list[dict[str, Any]] = get_speech_timestamps(samples, options)
        cut = len(samples)
        if following is not None and found and len(samples) - found[-1]["end"] < _PAUSE * RATE:
            cut = found.pop()["start"]  # it goes on in the next block
        yield samples[:cut], [{"start": one["start"] / RATE, "end": one["end"] / RATE} for one in found]
        rest = samples[cut:]
        block = following


def _word(word: Any) -> Word:
    text = str(word.word)
    return Word(text.strip(), float(word.start), float(word.end), float(word.probability), text.startswith(" "))
