"""The command `surtitle transcribe`: media files to transcripts."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from surtitle.captions.exports import MAX_OFFSET, ExportOptions
from surtitle.captions.transcript import EXPORT_FORMATS, export, shift_captions
from surtitle.cli.options import engine_option, language_option, name_models
from surtitle.cli.termination import interrupt_on_termination
from surtitle.cli.track_option import ALL, track_option
from surtitle.cli.transcript_files import (
    Job,
    choose_format,
    display_name,
    find_media,
    plan_jobs,
    print_utf8,
    write,
    write_temporary,
)
from surtitle.cli.unfinished import TrackProgress, Unfinished
from surtitle.core.clock import format_clock
from surtitle.core.errors import SurtitleError
from surtitle.core.settings import SPEAKER_MODEL, Settings

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
@click.option(
    "--offset",
    type=float,
    default=0.0,
    metavar="SECONDS",
    callback=lambda context, option, value: _check_offset(value),
    help="Add seconds to all times; may be negative.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE|FOLDER/",
    help="A file, a folder that gets one transcript for each file, or - for standard output (the default).",
)
@click.option("--overwrite", is_flag=True, help="Replace existing transcripts.")
@click.option("--resume", is_flag=True, help="Continue a run that was stopped, with the same options.")
@engine_option()
@click.option(
    "--model",
    metavar="NAME|DIR",
    help="A model: a name such as small.en, or a directory. By default the largest of Whisper on this computer.",
)
@language_option
@click.option("--speakers", is_flag=True, help="Tell speakers apart; needs the extra `diarization` or `diart`.")
@click.option(
    "--speaker-model",
    metavar="FILE|NAME",
    default=SPEAKER_MODEL,
    show_default=True,
    help="The model that tells speakers apart: a .nemo file, a name on the hub, or one of another kind, as KIND:MODEL.",
)
@track_option
def transcribe(
    files: tuple[Path, ...],
    form: str | None,
    words: bool,
    offset: float,
    output: str | None,
    overwrite: bool,
    resume: bool,
    engine: str,
    model: str | None,
    language: str,
    speakers: bool,
    speaker_model: str,
    track: str | None,
) -> None:
    """Transcribe audio or video files, or all of them in a folder.

    Accuracy goes before speed; on most computers, models up to small are still faster than real time. Ctrl-C stops
    the work and writes what has been recognized so far; --resume continues there.
    """
    from surtitle.cli.track_choice import choose_tracks
    from surtitle.cli.transcription import open_transcriber
    from surtitle.core import logs
    from surtitle.speakers.kinds import find_diarizer

    logs.configure(verbose=False)
    if speakers and track == ALL:
        raise click.UsageError("--track all makes each track a speaker of its own: leave out --speakers.")
    try:
        settings = name_models(Settings(engine=engine, model=model, language=language))
        form = choose_format(form, output)
        jobs = plan_jobs(find_media(files), output, form, overwrite=overwrite, resume=resume)
        if not jobs:
            click.echo("All of them are transcribed already.", err=True)
            return
        depends_on = f"{engine} {model or ''} {language}"
        unfinished = {job: Unfinished(job.file, job.output, depends_on, resume=resume) for job in jobs}
        if speakers:
            find_diarizer(speaker_model).check()
        if len(jobs) == 1:  # of several files, one that cannot be read must not stop the others
            choose_tracks(jobs[0].file, track or ALL)
        transcriber = open_transcriber(settings)
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
    runner = _JobRunner(
        transcriber, form, ExportOptions(words=words, offset=offset), speaker_model if speakers else None, track
    )
    try:
        with interrupt_on_termination():
            failed = sum(not runner.run(job, unfinished[job]) for job in jobs)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        sys.exit(_INTERRUPTED)
    finally:
        transcriber.close()
    if failed:
        sys.exit(1)


def _check_offset(offset: float) -> float:
    if not abs(offset) <= MAX_OFFSET:
        raise click.BadParameter("it must be a number of seconds, such as -12.5.")
    return offset


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

    def run(self, job: Job, unfinished: Unfinished) -> bool:
        """Transcribe a file and report errors on standard error. Returns whether there were none.

        Raises KeyboardInterrupt, after what was recognized before it has been written.
        """
        try:
            transcript = self._transcript(job.file, unfinished)
        except SurtitleError as error:
            click.echo(f"Error: {error.message}", err=True)
            return False
        written = self._write(job, transcript)
        if transcript.interruption is None:
            if written:
                unfinished.remove()
            return written
        hint = "" if job.output is None else ": run the same command with --resume to continue"
        click.echo(
            f"{display_name(str(job.file))} is transcribed up to {format_clock(transcript.until)}{hint}.", err=True
        )
        if isinstance(transcript.interruption, KeyboardInterrupt):
            raise transcript.interruption
        click.echo(f"Error: {transcript.interruption}", err=True)
        return False

    def _transcript(self, file: Path, unfinished: Unfinished) -> Transcript:
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
                transcripts.append(self._transcribe(file, track, source, length, progress, unfinished))
                if transcripts[-1].interruption is not None:
                    break
        return transcripts[0] if len(transcripts) == 1 else join_transcripts(transcripts)

    def _transcribe(
        self,
        file: Path,
        track: Track,
        source: str | None,
        length: float | None,
        progress: Progress,
        unfinished: Unfinished,
    ) -> Transcript:
        from surtitle.cli.transcription import transcribe
        from surtitle.models.catalogue import plain_name

        speakers = self._speakers(file, track, length, progress)
        name = display_name(f"{file.name}, {source}" if source else file.name)
        task = progress.add_task(f"{name} ({plain_name(self._transcriber.name)})", total=length)
        done = unfinished.track(track.number)

        def report(reached: TrackProgress) -> None:
            nonlocal done
            done = reached
            unfinished.update(track.number, done)
            progress.update(task, completed=done.until)

        transcript = transcribe(file, self._transcriber, report, speakers, track.number, source, done)
        # of several tracks, those that are complete must be known when a later one is stopped
        unfinished.update(track.number, done, save=transcript.interruption is not None)
        if transcript.interruption is None:
            progress.update(task, total=length or 1, completed=length or 1)
        return transcript

    def _speakers(self, file: Path, track: Track, length: float | None, progress: Progress) -> Timeline | None:
        if self._speaker_model is None:
            return None
        from surtitle.audio.mediafile import read
        from surtitle.speakers.recorded import speakers as listen

        task = progress.add_task(f"{display_name(file.name)} (speakers)", total=length)
        return listen(read(file, track.number), self._speaker_model, lambda done: progress.update(task, completed=done))

    def _write(self, job: Job, transcript: Transcript) -> bool:
        """Write a transcript where it can be kept, and report where if that is not what was wanted."""
        if transcript.captions and not shift_captions(transcript.captions, self._options.offset):
            name = display_name(str(job.file))
            click.echo(
                f"With --offset {self._options.offset:g}, all captions of {name} end before 0, so none is left.",
                err=True,
            )
        text = export(transcript.captions, self._form, self._options)
        where = "standard output" if job.output is None else str(job.output)
        try:
            if job.output is None:
                print_utf8(text)
                return True
            written = write(job.output, text)
        except OSError as error:
            return self._rescue(job, text, f"Cannot write {where} ({error.strerror})")
        if written != job.output:
            click.echo(f"Cannot write {where}: the transcript is in {written}.", err=True)
        return written == job.output

    def _rescue(self, job: Job, text: str, problem: str) -> bool:
        """Keep a transcript that could not be written: hours of work must not be lost."""
        with suppress(OSError):
            if job.output is None:
                written = write_temporary(job.file.stem, f".{self._form}", text)
                click.echo(f"{problem}: the transcript is in {written}.", err=True)
            else:
                print_utf8(text)
                click.echo(f"{problem}: the transcript is on standard output instead.", err=True)
            return False
        click.echo(f"Error: {problem}: free space on the disk, and start again.", err=True)
        return False
