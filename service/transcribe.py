"""`surtitle transcribe`: a file through the same pipeline as the live service."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from service.audio import RATE
from service.audio.container import decode, duration
from service.audio.intake import resampled
from service.captions.caption import Caption
from service.captions.export import export
from service.errors import BadAudio, ModelError
from service.pipeline import Pipeline
from service.speech import models
from service.speech.engine import Engine
from service.speech.pocketsphinx import PocketsphinxEngine
from service.speech.whisper import WhisperEngine

log = logging.getLogger("surtitle.transcribe")


def transcribe_file(file: Path, form: str, engine: str, model: str | None, language: str) -> str:
    """The transcript of an audio or video file as srt, vtt, txt or json; shows a progress bar.

    Raises `BadAudio` where there is nothing to hear, `ModelError`, `EngineError`.
    """
    length = duration(str(file))
    blocks = resampled(decode(str(file)))
    first = next(blocks, None)
    if first is None:
        raise BadAudio(f"There is no audio in {file}: choose a file that has sound.")
    recognizer = _engine(engine, model, language)
    finals: list[Caption] = []
    numbers = itertools.count(1)
    pipeline = Pipeline(recognizer.open(language), file.stem, lambda: f"c{next(numbers)}")
    try:
        with _progress() as progress:
            task = progress.add_task(file.name, total=length)
            for block in itertools.chain([first], blocks):
                finals += [caption for caption in pipeline.feed(block) if caption.final]
                progress.advance(task, len(block) / RATE)
                if (failure := pipeline.take_failure()) is not None:
                    raise failure
            finals += [caption for caption in pipeline.flush() if caption.final]
            progress.update(task, total=length or 1, completed=length or 1)
    finally:
        pipeline.close()
        recognizer.close()
    return export(finals, form)


def _engine(engine: str, model: str | None, language: str) -> Engine:
    """The engine that was asked for; `auto` takes a model that is here, and the embedded engine otherwise."""
    if engine == "pocketsphinx":
        return PocketsphinxEngine()
    name, directory = models.find(model, language)
    try:
        return WhisperEngine(directory or models.download(name), name)
    except ModelError as error:
        if engine == "whisper" or model is not None:
            raise
        log.warning("%s The embedded recognizer (pocketsphinx, English only) is used.", error)
        return PocketsphinxEngine()


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(),
        console=Console(stderr=True),
    )  # fmt: skip
