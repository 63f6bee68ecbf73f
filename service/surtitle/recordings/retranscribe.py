"""The second pass: transcribes a session's recordings again, without a time limit. Blocks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress

from surtitle.audio import RATE, Samples
from surtitle.audio.container import decode
from surtitle.audio.intake import resample_blocks
from surtitle.captions.caption import Caption
from surtitle.captions.transcript import sort_final
from surtitle.channels.settings import ChannelSettings
from surtitle.core.errors import BadRequest, ModelError
from surtitle.core.words import Word
from surtitle.models import catalogue
from surtitle.recordings.files import RecordingFile, RecordingFiles
from surtitle.recordings.second_pass import CorrectedSpan, build_second_captions
from surtitle.recordings.transcriber import EngineTranscriber, PipelineTranscriber, Transcriber, WhisperTranscriber
from surtitle.speech.engine import Hints
from surtitle.speech.kinds import DEFAULT, find_model, split_name
from surtitle.speech.whisper.kind import WHISPER
from surtitle.store.database import StoreError
from surtitle.store.records import POLISHED
from surtitle.store.transcripts import Transcripts
from surtitle.text.languages import AUTO, primary, recognizer_code

_MIN_SHARE = 0.05  # of the live words in another language than most, from which a session is in several languages
_MAX_ATTEMPTS, _RETRY_INTERVAL = 30, 2.0  # to save the result, and seconds between two attempts

BUILT_IN = PipelineTranscriber.name


def retranscribe(
    session: str,
    transcripts: Transcripts,
    recording_files: RecordingFiles,
    settings: ChannelSettings,
    transcriber: Callable[[str, Hints, Collection[str]], Transcriber],
    progress: Callable[[float], None],
) -> list[Caption]:
    """Make the polished version of a session's transcript, and store it.

    ``transcriber`` creates a transcriber for a language, hints, and the languages that may be detected; ``progress``
    receives the completed share, 0 to 1. Raises `BadRequest` if there are no recordings, `BadAudio`, `EngineError`,
    `StoreError`, `StorageError`.
    """
    recordings = find_playable(session, recording_files)
    live = transcripts.captions(session)
    corrections = [
        CorrectedSpan(one.caption.source, one.start, one.end, one.caption.words)
        for one in transcripts.corrections(session)
    ]
    captions: list[Caption] = []
    language, *others = find_languages(live, settings.language)
    recognizer = transcriber(AUTO if others else language, settings.hints, (language, *others) if others else ())
    total, before = sum(one.end - one.clock for one in recordings), 0.0
    try:
        for source in dict.fromkeys(one.source for one in recordings):
            words: list[tuple[str, Word]] = []
            for recording in (one for one in recordings if one.source == source):
                for done, recognized in recognizer.words(_read_samples(recording_files, recording)):
                    words += [(recognizer.language, word.shift(recording.clock)) for word in recognized]
                    progress(min(1.0, (before + done) / total))
                before += recording.end - recording.clock
            rules = settings.vocabulary.rules
            captions += build_second_captions(source, words, language, live, corrections, rules, len(captions) + 1)
    finally:
        recognizer.close()
    captions = sort_final(captions)
    _save(transcripts, session, captions)
    return captions


def _save(transcripts: Transcripts, session: str, captions: Sequence[Caption]) -> None:
    """Store the captions, with several attempts because they may be the work of hours. Raises `StoreError`."""
    for attempts_left in reversed(range(_MAX_ATTEMPTS)):
        try:
            transcripts.replace(session, POLISHED, captions)
            return
        except StoreError:
            if not attempts_left:
                raise
            time.sleep(_RETRY_INTERVAL)


def find_playable(session: str, recording_files: RecordingFiles) -> list[RecordingFile]:
    """The session's recordings, after recovering interrupted ones. Raises `BadRequest` if there are none."""
    if recording_files.is_running(session):
        raise BadRequest(f"The session {session} is still being recorded: stop the recording first.")
    recording_files.recover(recording_files.find_unfinished(session))
    recordings = recording_files.recordings(session)
    if not recordings:
        raise BadRequest(f"The session {session} has no recordings to transcribe again: choose another session.")
    return recordings


def find_languages(captions: Sequence[Caption], language: str | None) -> list[str]:
    """The languages in which a session was captioned, that of most words first.

    Without words, it is the channel's setting ``language``, whose region is kept where it applies, or "auto".
    """
    words = Counter[str]()
    for caption in captions:
        words[caption.language] += len(caption.words)
    del words[AUTO]
    found = [code for code, count in words.most_common() if count >= _MIN_SHARE * words.total()]
    if not found:
        return [language or AUTO]
    return [language if language and primary(language) == found[0] else found[0], *found[1:]]


def best_transcriber(
    model: str | None, others: Sequence[str] = ()
) -> Callable[[str, Hints, Collection[str]], Transcriber]:
    """A function that creates a transcriber of ``model``, or else of the largest model on this computer.

    ``others`` are models to consider that are not in the catalogue. The function raises `ModelError` if there is no
    model.
    """

    def create(language: str, hints: Hints, detectable: Collection[str] = ()) -> Transcriber:
        name = model or largest_model(language, others)
        if name == BUILT_IN and detectable:  # no model here knows several languages
            language = next(iter(detectable))
            name = model or largest_model(language, others)
        if name != BUILT_IN and split_name(name)[0] != DEFAULT:
            found = find_model(name)
            if not found.is_local():
                raise ModelError(f"The model {name} is not on this computer: run `surtitle models fetch {name}`.")
            return EngineTranscriber(found.load(found.on_disk()), name, language, hints)
        if name != BUILT_IN:
            if (directory := WHISPER.on_disk(name)) is None:
                raise ModelError(f"The model {name} is not on this computer: run `surtitle models fetch {name}`.")
            whisper = WhisperTranscriber(directory, name, language, hints)
            whisper.configure(language, hints, {primary(code) for code in detectable})
            return whisper
        if recognizer_code(language, PipelineTranscriber.languages) is None:
            raise ModelError(
                f"No model on this computer knows the language {language!r}: run `surtitle models fetch small`."
            )
        return PipelineTranscriber()

    return create


def largest_model(language: str, others: Sequence[str] = ()) -> str:
    """The name of the largest Whisper model on this computer that knows the language; `BUILT_IN` if there is none."""
    english = recognizer_code(language, frozenset({"en"})) == "en"
    sizes = {
        model.name: model.size
        for model in catalogue.catalogue()
        if model.complete and (english or not model.name.endswith(".en"))
    }
    for name in others:
        with suppress(ModelError, OSError):  # it may have been deleted
            if split_name(name)[0] == DEFAULT and (path := WHISPER.on_disk(name)) is not None:
                sizes[name] = (path / "model.bin").stat().st_size
    return max(sizes, key=lambda name: sizes[name], default=BUILT_IN)


def _read_samples(recording_files: RecordingFiles, recording: RecordingFile) -> Iterator[Samples]:
    """The unique part of a recording as 16 kHz samples."""
    remaining = round((recording.end - recording.clock) * RATE)
    for block in resample_blocks(decode(str(recording_files.fetch(recording)))):
        if not remaining:
            return
        yield block[:remaining]
        remaining -= len(block[:remaining])
