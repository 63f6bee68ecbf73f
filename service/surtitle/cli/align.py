"""The command `surtitle align`: the transcript of a session for another recording of the same event."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from surtitle.captions.exports import ExportOptions
from surtitle.captions.fit import Piece, fit_captions
from surtitle.captions.transcript import EXPORT_FORMATS, export
from surtitle.cli.options import data_dir_option, or_of_serve, recordings_option
from surtitle.cli.track_option import ALL, TrackOption
from surtitle.cli.transcript_files import Job, choose_format, display_name, plan_jobs, write
from surtitle.core.clock import format_clock
from surtitle.core.errors import BadRequest, SurtitleError
from surtitle.core.settings import RECORDINGS, Settings

if TYPE_CHECKING:
    from surtitle.audio.mediafile import Track
    from surtitle.captions.caption import Caption
    from surtitle.recordings.files import RecordingFile, RecordingFiles

_NOT_RECORDED = (
    "Session {} was not recorded, so there is no sound to compare: add --by-words, which transcribes the recording and "
    "compares the words."
)
_NOTHING_IN_COMMON = "{} and session {} have nothing in common: choose the session of the same event."


@click.command()
@click.argument("recording", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("session")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(list(EXPORT_FORMATS)),
    help="The output format. By default the extension of the output, or else srt.",
)
@click.option("--words", is_flag=True, help="Include the time of each word, if the format supports it.")
@click.option("-o", "--output", metavar="FILE", help="A file, or - for standard output.")
@click.option("--overwrite", is_flag=True, help="Replace an existing transcript.")
@click.option("--by-words", is_flag=True, help="Transcribe the recording and compare words instead of sound.")
@click.option("--model", metavar="NAME|DIR", help="With --by-words: a Whisper model; by default the largest here.")
@click.option("--track", type=TrackOption(), metavar="N", help="The audio track of a file with several.")
@data_dir_option("The data folder of the service.", envvar=or_of_serve("ALIGN", "DATA_DIR"))
@click.option(
    "--database",
    metavar="URL",
    envvar=or_of_serve("ALIGN", "DATABASE"),
    help="The service's PostgreSQL database, if it uses one.",
)
@recordings_option(envvar=or_of_serve("ALIGN", "RECORDINGS"))
def align(
    recording: Path,
    session: str,
    form: str | None,
    words: bool,
    output: str | None,
    overwrite: bool,
    by_words: bool,
    model: str | None,
    track: str | None,
    data_dir: Path,
    database: str | None,
    recordings: str | None,
) -> None:
    """Fit the transcript of SESSION to RECORDING, another recording of the same event.

    The recording may have begun earlier or later, and may have been paused. With -f or -o the transcript is written;
    without, the offset in seconds is printed: what has to be added to the session's times.
    """
    from surtitle.core import logs

    logs.configure(verbose=False)
    if track == ALL:
        raise click.UsageError("A recording is compared by one audio track: give --track a number.")
    try:
        job = None
        if form is not None or output is not None:
            form = choose_format(form, output)
            (job,) = plan_jobs([recording], output, form, overwrite=overwrite)
        stored = _load(session, data_dir, database, recordings)
        pieces = _align_words(recording, track, stored, model) if by_words else _align_sound(recording, track, stored)
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
    if job is None:
        _print_offsets(pieces)
        return
    _write(job, export(fit_captions(stored.captions, pieces), form or "srt", ExportOptions(words=words)))


@dataclass(frozen=True, slots=True)
class _Stored:
    """A session with its captions, names included, and its recordings in order of time."""

    id: str
    captions: list[Caption]
    files: RecordingFiles
    recordings: Sequence[RecordingFile]


def _load(session: str, data_dir: Path, database: str | None, address: str | None) -> _Stored:
    from surtitle.captions.names import apply_names
    from surtitle.captions.transcript import sort_final
    from surtitle.channels.session import StoredSettings, names_in
    from surtitle.recordings.files import RecordingFiles
    from surtitle.recordings.storage import open_storage
    from surtitle.store.journal import Store
    from surtitle.store.records import LIVE, POLISHED
    from surtitle.store.transcripts import Transcripts

    store = Store(data_dir, database)
    try:
        transcripts = Transcripts(store.database)
        summary = transcripts.session(session)
        if summary is None:
            raise BadRequest(f"There is no session {session!r}: choose one from the service's page /sessions.")
        settings = store.settings().get(summary.session.channel, StoredSettings()).settings
        found = transcripts.captions(session, POLISHED if POLISHED in summary.versions else LIVE)
        names = names_in(summary.session, settings.names)
        captions = [apply_names(caption, names) for caption in sort_final(found)]
        storage = open_storage(address) if address else None
        files = RecordingFiles(data_dir / RECORDINGS, transcripts, storage)
        return _Stored(session, captions, files, files.recordings(session))
    finally:
        store.close()


def _align_sound(recording: Path, wanted: str | None, stored: _Stored) -> list[Piece]:
    from surtitle.audio import RATE, mediafile
    from surtitle.audio.alignment import FeatureExtractor, Features
    from surtitle.audio.alignment import align as correlate
    from surtitle.audio.container import duration
    from surtitle.cli.progress import progress_bar
    from surtitle.recordings.mix import make_mix, mix_start

    if not stored.recordings:
        raise BadRequest(_NOT_RECORDED.format(stored.id))
    track = _choose_track(recording, wanted)
    try:
        for one in stored.recordings:
            stored.files.fetch(one)
        sound = make_mix(stored.recordings, lambda: True, lambda done: None)
    except OSError as error:
        raise BadRequest(f"The sources of session {stored.id} cannot be mixed ({error.strerror}).") from error

    with progress_bar() as progress:

        def extract(file: Path, number: int) -> Features:
            task = progress.add_task(display_name(file.name), total=duration(str(file)))
            extractor = FeatureExtractor()
            for block in mediafile.read(file, number):
                extractor.add(block)
                progress.advance(task, len(block) / RATE)
            return extractor.features()

        matches = correlate(extract(recording, track.number), extract(sound, 1))
    if not matches:
        raise BadRequest(_NOTHING_IN_COMMON.format(display_name(str(recording)), stored.id))
    start = mix_start(stored.recordings)
    return [Piece(match.start + start, match.position, match.length) for match in matches]


def _align_words(recording: Path, wanted: str | None, stored: _Stored, model: str | None) -> list[Piece]:
    from surtitle.audio.container import duration
    from surtitle.captions.word_alignment import align_words
    from surtitle.cli.progress import progress_bar
    from surtitle.cli.transcription import open_transcriber, transcribe

    languages = {caption.language for caption in stored.captions}
    language = languages.pop() if len(languages) == 1 else "auto"
    track = _choose_track(recording, wanted)
    transcriber = open_transcriber(Settings(model=model, language=language))
    try:
        with progress_bar() as progress:
            task = progress.add_task(display_name(recording.name), total=duration(str(recording)))
            transcript = transcribe(
                recording, transcriber, lambda done: progress.update(task, completed=done.until), track=track.number
            )
    finally:
        transcriber.close()
    if isinstance(transcript.interruption, KeyboardInterrupt):
        sys.exit(130)
    heard = [word for caption in transcript.captions for word in caption.words]
    pieces = align_words(heard, [word for caption in stored.captions for word in caption.words])
    if not pieces:
        raise BadRequest(_NOTHING_IN_COMMON.format(display_name(str(recording)), stored.id))
    return pieces


def _choose_track(recording: Path, wanted: str | None) -> Track:
    from surtitle.cli.track_choice import choose_tracks

    return choose_tracks(recording, wanted)[0]


def _print_offsets(pieces: Sequence[Piece]) -> None:
    """One number if it fits the whole recording, or else a line for each piece: from when on, and its offset."""
    if len(pieces) == 1:
        click.echo(f"{pieces[0].offset:.2f}")
        return
    for piece in pieces:
        click.echo(f"{format_clock(piece.position)} {piece.offset:.2f}")


def _write(job: Job, text: str) -> None:
    if job.output is None:
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.flush()
        return
    try:
        written = write(job.output, text)
    except OSError as error:
        raise click.ClickException(f"Cannot write {job.output} ({error.strerror}).") from error
    if written != job.output:
        click.echo(f"Cannot write {job.output}: the transcript is in {written}.", err=True)
