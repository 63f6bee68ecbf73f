"""The command line's `polish`: transcribes a recorded session again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from platformdirs import user_data_path

from surtitle.core.errors import BadRequest, SurtitleError
from surtitle.core.settings import RECORDINGS

if TYPE_CHECKING:
    from surtitle.recordings.files import RecordingFiles
    from surtitle.store.journal import Store
    from surtitle.store.transcripts import Transcripts


@click.command()
@click.argument("session")
@click.option("--model", metavar="NAME|DIR", help="A Whisper model; the largest on this computer unless told.")
@click.option("--also", multiple=True, hidden=True)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=user_data_path("surtitle", appauthor=False),
    show_default=True,
    help="Where the service keeps its recordings.",
)
@click.option("--database", metavar="URL", help="The PostgreSQL database that the service uses, if it uses one.")
@click.option("--for-program", is_flag=True, hidden=True)
def polish(
    session: str, model: str | None, also: tuple[str, ...], data_dir: Path, database: str | None, for_program: bool
) -> None:
    """Transcribe the recordings of SESSION again, with the best model and all the time it takes.

    The service's page of the session shows the result, and how it differs from the live captions. What people
    corrected stays. Ctrl-C gives up, and changes nothing.
    """
    from surtitle.cli.progress import progress_bar
    from surtitle.core import logs
    from surtitle.recordings.files import RecordingFiles
    from surtitle.store.journal import Store
    from surtitle.store.transcripts import Transcripts

    logs.configure(verbose=False)
    try:
        store = Store(data_dir, database)
        transcripts = Transcripts(store.database)
        run = partial(
            _run, store, transcripts, RecordingFiles(data_dir / RECORDINGS, transcripts), session, model, also
        )
        if for_program:
            run(lambda share: print(f"{share:.4f}", flush=True))
            return
        with progress_bar() as bar:
            task = bar.add_task(session, total=1.0)
            count = run(lambda share: bar.update(task, completed=share))
            bar.update(task, completed=1.0)
        click.echo(f"The session {session} has {count} polished captions.")
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
    except KeyboardInterrupt:
        click.echo("Given up: nothing has changed.", err=True)
        sys.exit(130)


def _run(
    store: Store,
    transcripts: Transcripts,
    recording_files: RecordingFiles,
    session: str,
    model: str | None,
    also: tuple[str, ...],
    progress: Callable[[float], None],
) -> int:
    from surtitle.channels.session import StoredSettings
    from surtitle.recordings.retranscribe import best_transcriber
    from surtitle.recordings.retranscribe import polish as second_pass

    found = transcripts.session(session)
    if found is None:
        raise BadRequest(f"There is no session {session!r}: the service lists them at /sessions.")
    told = store.settings().get(found.session.channel, StoredSettings()).settings
    candidates = (*also, told.model) if told.model else also
    return len(second_pass(session, transcripts, recording_files, told, best_transcriber(model, candidates), progress))
