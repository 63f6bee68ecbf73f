"""The command `surtitle transcribe`: media files to transcripts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from surtitle.captions.exports import ExportOptions
from surtitle.captions.transcript import EXPORT_FORMATS, export
from surtitle.cli.options import language_option
from surtitle.cli.track_option import ALL, track_option
from surtitle.cli.transcript_files import Job, choose_format, find_media, plan_jobs, write
from surtitle.core.clock import format_clock
from surtitle.core.errors import SurtitleError
from surtitle.core.settings import ENGINES, SPEAKER_MODEL, Settings

if TYPE_CHECKING:
    from rich.progress import Progress

    from surtitle.audio.mediafile import Track
    from surtitle.cli.transcription import Transcript
    from surtitle.recordings.transcriber import Transcriber
    from surtitle.speakers.timeline import Timeline

_INTERRUPTED = 130  # exit status after Ctrl-C, as shells define it


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE|FOLDER..."
)
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(list(EXPORT_FORMATS)),
    help="The output format. By default the extension of the output, or else srt.",
)
@click.option("--words", is_flag=True, help="Include the time of each word, if the format supports it.")
@click.option("--offset", type=float, default=0.0, metavar="SECONDS", help="Add seconds to all times; may be negative.")
@click.option(
    "-o",
    "--output",
    metavar="FILE|FOLDER/",
    help="A file, a folder that gets one transcript for each file, or - for standard output (the default).",
)
@click.option("--overwrite", is_flag=True, help="Replace existing transcripts.")
@click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True, help="The speech recognizer.")
@click.option(
    "--model",
    metavar="NAME|DIR",
    help="A Whisper model: a name such as small.en, or a directory. By default the largest on this computer.",
)
@language_option
@click.option("--speakers", is_flag=True, help="Tell speakers apart; needs the extra `diarization`.")
@click.option(
    "--speaker-model",
    metavar="FILE|NAME",
    default=SPEAKER_MODEL,
    show_default=True,
    help="The model that tells speakers apart: a .nemo file, or a name on the hub.",
)
@track_option
def transcribe(
    files: tuple[Path, ...],
    form: str | None,
    words: bool,
    offset: float,
    output: str | None,
    overwrite: bool,
    engine: str,
    model: str | None,
    language: str,
    speakers: bool,
    speaker_model: str,
    track: str | None,
) -> None:
    """Transcribe audio or video files, or all of them in a folder.

    Accuracy goes before speed; on most computers, models up to small are still faster than real time. Ctrl-C stops
    the work and writes what has been recognized so far.
    """
    from surtitle.cli.track_choice import choose_tracks
    from surtitle.cli.transcription import open_transcriber
    from surtitle.core import logs
    from surtitle.speakers.recorded import check_installed

    logs.configure(verbose=False)
    if speakers and track == ALL:
        raise click.UsageError("--track all makes each track a speaker of its own: leave out --speakers.")
    try:
        form = choose_format(form, output)
        jobs = plan_jobs(find_media(files), output, form, overwrite=overwrite)
        if speakers:
            check_installed()
            if speaker_model.endswith(".nemo") and not Path(speaker_model).is_file():
                raise click.UsageError(f"There is no file {speaker_model}: give another with --speaker-model.")
        if len(jobs) == 1:  # of several files, one that cannot be read must not stop the others
            choose_tracks(jobs[0].file, track or ALL)
        transcriber = open_transcriber(Settings(engine=engine, model=model, language=language))
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
    runner = _JobRunner(
        transcriber, form, ExportOptions(words=words, offset=offset), speaker_model if speakers else None, track
    )
    try:
        failed = sum(not runner.run(job) for job in jobs)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        sys.exit(_INTERRUPTED)
    finally:
        transcriber.close()
    if failed:
        sys.exit(1)


class _JobRunner:
    """Transcribes one file after the other with the same model and options."""

    def __init__(
        self,
        transcriber: Transcriber,
        form: str,
        options: ExportOptions,
        speaker_model: str | None,
        track: str | None,
    ) -> None:
        self._transcriber = transcriber
        self._form = form
        self._options = options
        self._speaker_model = speaker_model
        self._track = track

    def run(self, job: Job) -> bool:
        """Transcribe a file and report errors on standard error. Returns whether there were none.

        Raises KeyboardInterrupt, after what was recognized before it has been written.
        """
        try:
            transcript = self._transcript(job.file)
        except SurtitleError as error:
            click.echo(f"Error: {error.message}", err=True)
            return False
        self._write(job, transcript)
        if transcript.interruption is None:
            return True
        click.echo(f"{job.file} is transcribed up to {format_clock(transcript.until)}.", err=True)
        if isinstance(transcript.interruption, KeyboardInterrupt):
            raise transcript.interruption
        click.echo(f"Error: {transcript.interruption}", err=True)
        return False

    def _transcript(self, file: Path) -> Transcript:
        from surtitle.audio.container import duration
        from surtitle.cli.progress import progress_bar
        from surtitle.cli.track_choice import choose_tracks
        from surtitle.cli.transcription import join_transcripts

        length = duration(str(file))
        tracks = choose_tracks(file, self._track)
        transcripts: list[Transcript] = []
        with progress_bar() as progress:
            for track in tracks:
                source = track.name if len(tracks) > 1 else None
                transcripts.append(self._transcribe(file, track, source, length, progress))
                if transcripts[-1].interruption is not None:
                    break
        return transcripts[0] if len(transcripts) == 1 else join_transcripts(transcripts)

    def _transcribe(
        self, file: Path, track: Track, source: str | None, length: float | None, progress: Progress
    ) -> Transcript:
        from surtitle.cli.transcription import transcribe

        speakers = self._speakers(file, track, length, progress)
        name = f"{file.name}, {source}" if source else file.name
        task = progress.add_task(f"{name} ({self._transcriber.name})", total=length)
        transcript = transcribe(
            file,
            self._transcriber,
            lambda done: progress.update(task, completed=done),
            speakers,
            track.number,
            source,
        )
        if transcript.interruption is None:
            progress.update(task, total=length or 1, completed=length or 1)
        return transcript

    def _speakers(self, file: Path, track: Track, length: float | None, progress: Progress) -> Timeline | None:
        if self._speaker_model is None:
            return None
        from surtitle.audio.mediafile import read
        from surtitle.speakers.recorded import speakers as listen

        task = progress.add_task(f"{file.name} (speakers)", total=length)
        return listen(read(file, track.number), self._speaker_model, lambda done: progress.update(task, completed=done))

    def _write(self, job: Job, transcript: Transcript) -> None:
        text = export(transcript.captions, self._form, self._options)
        if job.output is None:
            sys.stdout.buffer.write(text.encode("utf-8"))  # whatever the terminal's encoding is
            sys.stdout.flush()
            return
        try:
            written = write(job.output, text)
        except OSError as error:
            raise click.ClickException(f"Cannot write {job.output} ({error.strerror}).") from error
        if written != job.output:
            click.echo(f"Cannot write {job.output}: the transcript is in {written}.", err=True)
