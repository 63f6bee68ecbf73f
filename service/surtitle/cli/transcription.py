"""Transcription of media files, for `surtitle transcribe`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from surtitle.audio import RATE, Samples, mediafile
from surtitle.captions.caption import Caption
from surtitle.cli.progress import fetch
from surtitle.cli.transcript_files import display_name
from surtitle.cli.unfinished import TrackProgress
from surtitle.core.errors import BadAudio, EngineError, ModelError
from surtitle.core.settings import Settings
from surtitle.models.selection import select
from surtitle.models.speed_store import SpeedStore
from surtitle.recordings.file_captions import assign_speaker, build_file_captions
from surtitle.recordings.retranscribe import largest_model
from surtitle.recordings.transcriber import EngineTranscriber, PipelineTranscriber, Transcriber, WhisperTranscriber
from surtitle.speakers.timeline import SpeakerNumbering, Timeline
from surtitle.speech.kinds import DEFAULT, find_model, split_name
from surtitle.speech.whisper.kind import WHISPER
from surtitle.text.languages import recognizer_code, unknown_language

log = logging.getLogger("surtitle.transcribe")


@dataclass(frozen=True, slots=True)
class Transcript:
    """A file's captions, with times in seconds on the clock of its picture.

    ``interruption`` is the error, or the person's Ctrl-C, that ended the work before the end; ``until`` is the second
    up to which everything is recognized.
    """

    captions: list[Caption]
    until: float
    interruption: BadAudio | EngineError | KeyboardInterrupt | None = None


def transcribe(
    file: Path,
    transcriber: Transcriber,
    progress: Callable[[TrackProgress], None],
    speakers: Timeline | None = None,
    track: int = 1,
    source: str | None = None,
    before: TrackProgress | None = None,
) -> Transcript:
    """Recognize a track of a file; ``progress`` receives what is done so far, ``speakers`` knows who speaks when.

    ``source`` is who speaks, by default the file's name; ``before`` is the progress of an earlier run, which continues.

    If recognition is interrupted, or the rest of the file cannot be read, the captions up to there are returned along
    with the error. Raises `BadAudio` if there is nothing to decode.
    """
    source = source or display_name(file.stem)
    blocks = mediafile.read(file, track)
    first = next(blocks, None)
    if first is None:
        raise BadAudio(f"There is no audio in {file}: choose a file that has sound.")
    done = before or TrackProgress()
    start = until = done.until
    words = list(done.words)
    interruption: BadAudio | EngineError | KeyboardInterrupt | None = None
    damage: list[BadAudio] = []
    try:
        remaining = _drop(_until_damage(chain([first], blocks), damage), round(start * RATE))
        with closing(transcriber.words(remaining)) as results:
            for position, recognized in results:
                until = start + position
                words += [(transcriber.language, word.shift(start)) for word in recognized]
                progress(TrackProgress(until, words))
    except (EngineError, KeyboardInterrupt) as error:
        interruption = error
    if interruption is None and damage:
        interruption = damage[0]
    label = SpeakerNumbering().of(source)
    captions = build_file_captions(
        source, ((language, assign_speaker(word, speakers, label)) for language, word in words)
    )
    return Transcript(captions, until, interruption)


def _drop(blocks: Iterable[Samples], count: int) -> Iterator[Samples]:
    """The blocks without their first ``count`` samples."""
    for block in blocks:
        if count < len(block):
            yield block[count:]
        count = max(0, count - len(block))


def _until_damage(blocks: Iterable[Samples], damage: list[BadAudio]) -> Iterator[Samples]:
    """The blocks up to where the file cannot be read, with the error in ``damage`` then."""
    try:
        yield from blocks
    except BadAudio as error:
        damage.append(error)


def join_transcripts(transcripts: Sequence[Transcript]) -> Transcript:
    """The captions of several tracks in the order in which they begin, up to the first interruption."""
    captions = sorted((caption for one in transcripts for caption in one.captions), key=lambda caption: caption.start)
    return Transcript(
        [replace(caption, id=f"c{number}") for number, caption in enumerate(captions, 1)],
        min(one.until for one in transcripts),
        next((one.interruption for one in transcripts if one.interruption is not None), None),
    )


def open_transcriber(settings: Settings) -> Transcriber:
    """Open the requested model, or the largest_model one on this computer that knows the language.

    If there is none, one is downloaded, and if that fails, `auto` uses the built-in recognizer. Raises `ModelError`,
    and `EngineError` if the recognizer does not know the language.
    """
    if PipelineTranscriber.name in (settings.engine, settings.model):
        return _open_pipeline(settings)
    if settings.model is not None and split_name(settings.model)[0] != DEFAULT:
        return _open_engine(settings.model, settings.language)
    try:
        return _open_whisper(settings)
    except ModelError as error:
        if settings.engine == "whisper" or settings.model is not None:
            raise
        log.warning("%s Using the built-in recognizer instead (pocketsphinx, English only).", error)
        return _open_pipeline(settings)


def _open_pipeline(settings: Settings) -> PipelineTranscriber:
    _check_language(settings.language, PipelineTranscriber.name, PipelineTranscriber.languages)
    return PipelineTranscriber()


def _open_engine(name: str, language: str) -> EngineTranscriber:
    """Open a model of another kind than Whisper. Raises `ModelError` and `EngineError`."""
    model = find_model(name)
    files = model.kind.files
    directory = (files.on_disk(model.name) or fetch(model.name, files)) if files else None
    engine = model.load(directory)
    try:
        _check_language(language, name, engine.languages)
    except EngineError:
        engine.close()
        raise
    return EngineTranscriber(engine, name, language)


def _open_whisper(settings: Settings) -> WhisperTranscriber:
    """Open the first candidate model that can be loaded. Raises `ModelError` and `EngineError`."""
    names: tuple[str, ...] = (settings.model or largest_model(settings.language),)
    if names == (PipelineTranscriber.name,):
        names = select(None, settings.language, SpeedStore(settings.data_dir)).names
    for name in names:
        try:
            transcriber = WhisperTranscriber(WHISPER.on_disk(name) or fetch(name), name, settings.language)
        except ModelError as error:
            if name == names[-1]:
                raise
            log.warning("%s", error)
        else:
            _check_language(settings.language, name, transcriber.languages)
            return transcriber
    raise ModelError("There is no model for this computer: choose one with --model.")


def _check_language(language: str, model: str, known: frozenset[str]) -> None:
    """Raise `EngineError` if ``model`` does not know ``language``."""
    if recognizer_code(language, known) is None:
        raise EngineError(unknown_language(language, model, known, detected=False))
