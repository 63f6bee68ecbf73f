"""Whisper by faster-whisper (CTranslate2): any local directory or hub name."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from service.audio import RATE, Samples
from service.errors import ModelError
from service.speech.engine import Transcriber
from service.speech.policy import LocalAgreement
from service.speech.words import Hypothesis, Word, join

log = logging.getLogger("surtitle.speech")

_STEP = 0.8  # seconds of new audio before the window is decoded again
_CONTEXT_CHARACTERS = 200  # of what was said before, as the prompt
_SURE_OF_LANGUAGE = 0.5  # probability
_SURE_AFTER = 2.0  # seconds of speech


class WhisperEngine:
    """One loaded model that serves all sources; it knows nothing of streams."""

    name = "whisper"
    step = 30.0  # one decoding of the newest audio costs as much as one of less

    def __init__(self, directory: Path, model: str) -> None:
        """Load a CTranslate2 directory; takes seconds, call in a thread. Raises `ModelError`."""
        self.model = model
        try:
            try:
                self._whisper = _loaded(directory, "auto")
            except RuntimeError as error:
                # CTranslate2 sees a GPU but not the libraries for it: the processor can always do it.
                log.warning("the GPU cannot be used (%s): Whisper runs on the processor", error)
                self._whisper = _loaded(directory, "cpu")
        except Exception as error:
            raise ModelError(
                f"The model in {directory} cannot be loaded ({error}): "
                "it must be a Whisper model converted by CTranslate2."
            ) from error

    def open(self, language: str) -> WindowStream:
        known = language == "auto" or language in self._whisper.supported_languages
        return WindowStream(self, language if known else "auto")

    def close(self) -> None:
        """CTranslate2 gives the memory back with the last reference."""

    def transcribe(self, window: Samples, language: str, prompt: str, *, last: bool) -> tuple[list[Word], str]:
        pinned = None if language == "auto" else language
        segments, info = self._whisper.transcribe(
            window,
            language=pinned,
            beam_size=5 if last else 1,
            temperature=0.0,  # a second, warmer try would change words and cost as much again
            condition_on_previous_text=False,
            initial_prompt=prompt or None,
            word_timestamps=True,
        )
        words = list(_words(segments))
        sure = info.language_probability >= _SURE_OF_LANGUAGE and len(window) >= _SURE_AFTER * RATE
        return words, info.language if pinned or sure else "auto"


class WindowStream:
    """Makes a stream of a transcriber: the utterance so far is decoded again as it grows."""

    def __init__(self, transcriber: Transcriber, language: str) -> None:
        self._transcriber = transcriber
        self.language = language
        self._policy = LocalAgreement(2)
        self._window: Samples = np.zeros(0, dtype=np.float32)
        self._decoded = 0
        self._context = ""

    def accept(self, samples: Samples) -> Hypothesis | None:
        self._window = np.concatenate((self._window, samples))
        if len(self._window) - self._decoded < _STEP * RATE:
            return None
        return self._policy.insert(self._decode(last=False))

    def finish(self) -> Hypothesis:
        hypothesis = self._policy.finish(self._decode(last=True) if len(self._window) else [])
        self._context = f"{self._context} {join(hypothesis.committed)}".strip()[-_CONTEXT_CHARACTERS:]
        self._window = np.zeros(0, dtype=np.float32)
        self._decoded = 0
        return hypothesis

    def close(self) -> None:
        """The model stays loaded for the other sources."""

    def _decode(self, *, last: bool) -> list[Word]:
        self._decoded = len(self._window)
        words, self.language = self._transcriber.transcribe(self._window, self.language, self._context, last=last)
        return words


def _loaded(directory: Path, device: str) -> Any:
    """A model that has decoded once: missing GPU libraries show only then, and the first words come faster."""
    from faster_whisper import WhisperModel

    whisper = WhisperModel(str(directory), device=device, compute_type="auto")
    segments, _ = whisper.transcribe(np.zeros(RATE, dtype=np.float32), language="en", beam_size=1)
    list(segments)
    return whisper


def _words(segments: Iterable[Any]) -> Iterable[Word]:
    for segment in segments:
        for word in segment.words or ():
            if text := word.word.strip():
                start, end, probability = float(word.start), float(word.end), float(word.probability)
                yield Word(text, start, end, probability, spaced=word.word.startswith(" "))
