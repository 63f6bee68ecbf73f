"""`surtitle transcribe`: a file through the same pipeline as the live service."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path

from service.audio import RATE
from service.audio.container import decode, duration
from service.audio.intake import joined, resampled
from service.captions.caption import Caption
from service.captions.export import export
from service.captions.exports import Look
from service.errors import BadAudio, EngineError, ModelError
from service.pipeline import Pipeline
from service.progress import fetch, progress_bar
from service.settings import Settings
from service.speech import models
from service.speech.engine import Engine
from service.speech.model_check import check_directory
from service.speech.pocketsphinx import PocketsphinxEngine
from service.speech.selection import select
from service.speech.speed import SpeedStore
from service.speech.whisper import WhisperEngine
from service.text.languages import recognizer_code, unknown_language

log = logging.getLogger("surtitle.transcribe")


def transcribe_file(file: Path, form: str, settings: Settings, look: Look = Look()) -> str:
    """The transcript of an audio or video file in one of the formats of `captions.export`; shows a progress bar.

    Of the settings, those of recognition count.

    Raises `BadAudio` where there is nothing to hear, `ModelError`, `EngineError`.
    """
    length = duration(str(file))
    blocks = resampled(decode(str(file)))
    first = next(blocks, None)
    if first is None:
        raise BadAudio(f"There is no audio in {file}: choose a file that has sound.")
    recognizer = _engine(settings)
    language = recognizer_code(settings.language, recognizer.languages)
    if language is None:
        raise EngineError(unknown_language(settings.language, recognizer.model, recognizer.languages))
    finals: list[Caption] = []
    numbers = itertools.count(1)
    pipeline = Pipeline(recognizer.open(language), file.stem, lambda: f"c{next(numbers)}")
    try:
        with progress_bar() as progress:
            task = progress.add_task(file.name, total=length)
            # a live caption is decoded again and again; a file's need it only once
            for block in joined(itertools.chain([first], blocks), round(recognizer.step * RATE)):
                finals += [caption for caption in pipeline.feed(block) if caption.final]
                progress.advance(task, len(block) / RATE)
                if (failure := pipeline.take_failure()) is not None:
                    raise failure
            finals += [caption for caption in pipeline.flush() if caption.final]
            progress.update(task, total=length or 1, completed=length or 1)
    finally:
        pipeline.close()
        recognizer.close()
    return export(finals, form, look)


def _engine(settings: Settings) -> Engine:
    """The engine that was asked for; `auto` takes a model that is here, and the embedded engine otherwise."""
    if settings.engine == "pocketsphinx":
        return PocketsphinxEngine()
    try:
        return _whisper(settings)
    except ModelError as error:
        if settings.engine == "whisper" or settings.model is not None:
            raise
        log.warning("%s The embedded recognizer (pocketsphinx, English only) is used.", error)
        return PocketsphinxEngine()


def _whisper(settings: Settings) -> Engine:
    """The first of the selected models that can be loaded. Raises `ModelError`."""
    names = select(settings.model, settings.language, SpeedStore(settings.data_dir)).names
    for name in names:
        try:
            directory = models.on_disk(name) or fetch(name)
            check_directory(directory, None if models.local_directory(name) else name)
            return WhisperEngine(directory, name, policy=settings.policy)
        except ModelError as error:
            if name == names[-1]:
                raise
            log.warning("%s", error)
    raise ModelError("There is no model for this computer: name one with --model.")
