"""Transcribes media files: what `surtitle transcribe` does with each of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, count, groupby
from pathlib import Path

from surtitle.audio import mediafile
from surtitle.captions.caption import Caption
from surtitle.captions.sentences import build_captions
from surtitle.cli.progress import fetch
from surtitle.core.errors import BadAudio, EngineError, ModelError
from surtitle.core.settings import Settings
from surtitle.core.words import TOGETHER, Word
from surtitle.models import catalogue
from surtitle.models.selection import select
from surtitle.models.speed_store import SpeedStore
from surtitle.recordings.retranscribe import largest
from surtitle.recordings.transcriber import PipelineTranscriber, Transcriber, WhisperTranscriber
from surtitle.speakers.timeline import SpeakerNumbering, Timeline
from surtitle.text.languages import recognizer_code, unknown_language

log = logging.getLogger("surtitle.transcribe")


@dataclass(frozen=True, slots=True)
class Transcript:
    """A file's captions, times in seconds on the clock of its picture.

    ``stopped`` is the error, or the person's Ctrl-C, that ended the work before the end; ``until`` is the second up
    to which all is recognized.
    """

    captions: list[Caption]
    until: float
    stopped: EngineError | KeyboardInterrupt | None = None


def transcribe(
    file: Path, transcriber: Transcriber, progress: Callable[[float], None], speakers: Timeline | None = None
) -> Transcript:
    """Recognize a file; ``progress`` gets the seconds that are done, ``speakers`` says who speaks when.

    What was recognized before recognition stopped is returned, not raised. Raises `BadAudio` where there is nothing
    to decode.
    """
    blocks = mediafile.read(file)
    first = next(blocks, None)
    if first is None:
        raise BadAudio(f"There is no audio in {file}: choose a file that has sound.")
    words: list[tuple[str, Word]] = []  # with the language
    until = 0.0
    stopped: EngineError | KeyboardInterrupt | None = None
    try:
        with closing(transcriber.words(chain([first], blocks))) as stretches:
            for until, stretch in stretches:
                words += [(transcriber.language, word) for word in stretch]
                progress(until)
    except (EngineError, KeyboardInterrupt) as error:
        stopped = error
    numbers, label = count(1), SpeakerNumbering().of(file.stem)
    captions: list[Caption] = []
    for language, group in groupby(words, key=lambda pair: pair[0]):
        said = [attributed(word, speakers, label) for _, word in group]
        captions += build_captions(file.stem, said, language, lambda: f"c{next(numbers)}")
    return Transcript(captions, until, stopped)


def attributed(word: Word, speakers: Timeline | None, label: Callable[[int], str]) -> Word:
    """The word with who says it, where that is known."""
    if speakers is None:
        return word
    return replace(word, speaker=TOGETHER.join(map(label, speakers.who(word.start, word.end))) or None)


def open_transcriber(settings: Settings) -> Transcriber:
    """What recognizes: the model that was asked for, or the largest on this computer that knows the language.

    Without any, one is fetched, and where that fails, `auto` takes the embedded recognizer. Raises `ModelError`, and
    `EngineError` where what recognizes does not know the language.
    """
    if settings.engine == "pocketsphinx":
        return _embedded(settings)
    try:
        return _whisper(settings)
    except ModelError as error:
        if settings.engine == "whisper" or settings.model is not None:
            raise
        log.warning("%s The embedded recognizer (pocketsphinx, English only) is used.", error)
        return _embedded(settings)


def _embedded(settings: Settings) -> PipelineTranscriber:
    _check_language(settings.language, PipelineTranscriber.name, PipelineTranscriber.languages)
    return PipelineTranscriber()


def _whisper(settings: Settings) -> WhisperTranscriber:
    """The first of the possible models that can be loaded. Raises `ModelError` and `EngineError`."""
    names: tuple[str, ...] = (settings.model or largest(settings.language),)
    if names == (PipelineTranscriber.name,):
        names = select(None, settings.language, SpeedStore(settings.data_dir)).names
    for name in names:
        try:
            transcriber = WhisperTranscriber(catalogue.on_disk(name) or fetch(name), name, settings.language)
        except ModelError as error:
            if name == names[-1]:
                raise
            log.warning("%s", error)
        else:
            _check_language(settings.language, name, transcriber.languages)
            return transcriber
    raise ModelError("There is no model for this computer: name one with --model.")


def _check_language(language: str, model: str, known: frozenset[str]) -> None:
    """Raises `EngineError` where ``model`` does not know ``language``."""
    if recognizer_code(language, known) is None:
        raise EngineError(unknown_language(language, model, known, detected=False))
