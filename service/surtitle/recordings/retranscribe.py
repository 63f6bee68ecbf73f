"""The second pass: a session's recordings are transcribed again, with all the time there is. Blocks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from surtitle.audio import RATE, Samples
from surtitle.audio.container import decode
from surtitle.audio.intake import resample_blocks
from surtitle.captions.caption import Caption
from surtitle.captions.transcript import in_order
from surtitle.channels.settings import ChannelSettings
from surtitle.core.errors import BadRequest, ModelError
from surtitle.core.words import Word
from surtitle.models import catalogue
from surtitle.recordings.files import RecordingFile, RecordingFiles
from surtitle.recordings.second_pass import CorrectedSpan, second_pass
from surtitle.recordings.transcriber import PipelineTranscriber, Transcriber, WhisperTranscriber
from surtitle.speech.engine import Hints
from surtitle.store.database import StoreError
from surtitle.store.records import POLISHED
from surtitle.store.transcripts import Transcripts
from surtitle.text.languages import recognizer_code

_TRIES, _RETRY = 30, 2.0  # to write the result, and seconds between two

EMBEDDED = PipelineTranscriber.name


def polish(
    session: str,
    transcripts: Transcripts,
    recording_files: RecordingFiles,
    told: ChannelSettings,
    transcriber: Callable[[str, Hints], Transcriber],
    progress: Callable[[float], None],
) -> list[Caption]:
    """Make the polished version of a session's transcript, and keep it.

    ``transcriber`` is made for a language and hints; ``progress`` is told the share that is done, 0 to 1.
    Raises `BadRequest` when there is nothing to hear, `BadAudio`, `EngineError`, `StoreError`.
    """
    recordings = playable(session, recording_files)
    live = transcripts.captions(session)
    fixed = [
        CorrectedSpan(one.caption.source, one.start, one.end, one.caption.words)
        for one in transcripts.corrections(session)
    ]
    captions: list[Caption] = []
    recognizer = transcriber(spoken(live, told.language), told.hints)
    total, before = sum(one.end - one.clock for one in recordings), 0.0
    try:
        for source in dict.fromkeys(one.source for one in recordings):
            words: list[Word] = []
            languages = Counter[str]()
            for recording in (one for one in recordings if one.source == source):
                for done, stretch in recognizer.words(_sound(recording)):
                    words += [word.shift(recording.clock) for word in stretch]
                    languages[recognizer.language] += len(stretch)
                    progress(min(1.0, (before + done) / total))
                before += recording.end - recording.clock
            rules = told.vocabulary.rules
            language = languages.most_common(1)[0][0] if languages else recognizer.language
            captions += second_pass(source, words, language, live, fixed, rules, len(captions) + 1)
    finally:
        recognizer.close()
    captions = in_order(captions)
    _keep(transcripts, session, captions)
    return captions


def _keep(transcripts: Transcripts, session: str, captions: Sequence[Caption]) -> None:
    """Not given up at once, for it may be the work of hours. Raises `StoreError`."""
    for rest in reversed(range(_TRIES)):
        try:
            transcripts.replace(session, POLISHED, captions)
            return
        except StoreError:
            if not rest:
                raise
            time.sleep(_RETRY)


def playable(session: str, recording_files: RecordingFiles) -> list[RecordingFile]:
    """The session's recordings; what was torn is closed off first. Raises `BadRequest` when there are none."""
    if recording_files.is_running(session):
        raise BadRequest(f"The session {session} is still being recorded: stop that first.")
    recording_files.recover(recording_files.torn(session))
    recordings = recording_files.recordings(session)
    if not recordings:
        raise BadRequest(f"The session {session} was not recorded: there is nothing to transcribe again.")
    return recordings


def spoken(captions: Sequence[Caption], language: str | None) -> str:
    """The language of most words, or what the channel was told."""
    words = Counter[str]()
    for caption in captions:
        words[caption.language] += len(caption.words)
    del words["auto"]
    return words.most_common(1)[0][0] if words else language or "auto"


def best_transcriber(model: str | None, others: Sequence[str] = ()) -> Callable[[str, Hints], Transcriber]:
    """Makes a transcriber of ``model``, or else of the largest one on this computer, ``others`` among them.

    What it makes raises `ModelError` when there is none.
    """

    def make(language: str, hints: Hints) -> Transcriber:
        name = model or largest(language, others)
        if name != EMBEDDED:
            if (directory := catalogue.on_disk(name)) is None:
                raise ModelError(f"The model {name} is not on this computer: `surtitle models fetch {name}` gets it.")
            return WhisperTranscriber(directory, name, language, hints)
        if recognizer_code(language, PipelineTranscriber.languages) is None:
            raise ModelError(
                f"No model on this computer knows {language!r}: `surtitle models fetch small` gets one that does."
            )
        return PipelineTranscriber()

    return make


def largest(language: str, others: Sequence[str] = ()) -> str:
    """The name of the largest Whisper model on this computer that knows the language, or the embedded recognizer's."""
    english = recognizer_code(language, frozenset({"en"})) == "en"
    sizes = {
        model.name: model.size
        for model in catalogue.catalogue()
        if model.complete and (english or not model.name.endswith(".en"))
    }
    for name in others:
        with suppress(ModelError, OSError):  # was there once
            if name != EMBEDDED and (path := catalogue.on_disk(name)) is not None:
                sizes[name] = (path / "model.bin").stat().st_size
    return max(sizes, key=lambda name: sizes[name], default=EMBEDDED)


def _sound(recording: RecordingFile) -> Iterator[Samples]:
    left = round((recording.end - recording.clock) * RATE)
    for block in resample_blocks(decode(str(recording.path))):
        if not left:
            return
        yield block[:left]
        left -= len(block[:left])
