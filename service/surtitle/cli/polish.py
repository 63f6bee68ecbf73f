"""The command `surtitle polish`: transcribe a recorded session again."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from surtitle.cli.options import data_dir_option, recordings_option
from surtitle.core.errors import BadRequest, SurtitleError
from surtitle.core.settings import RECORDINGS

if TYPE_CHECKING:
    from surtitle.channels.settings import ChannelSettings
    from surtitle.store.journal import Store
    from surtitle.store.transcripts import Transcripts


@click.command()
@click.argument("session")
@click.option("--model", metavar="NAME|DIR", help="A Whisper model; by default the largest on this computer.")
@click.option("--also", multiple=True, hidden=True)
@data_dir_option("The data folder of the service, which holds its recordings.")
@click.option("--database", metavar="URL", help="The service's PostgreSQL database, if it uses one.")
@recordings_option()
@click.option("--for-program", is_flag=True, hidden=True)
def polish(
    session: str,
    model: str | None,
    also: tuple[str, ...],
    data_dir: Path,
    database: str | None,
    recordings: str | None,
    for_program: bool,
) -> None:
    """Transcribe the recordings of SESSION again, with the best model and without a time limit.

    The session's page in the service shows the result, and how it differs from the live captions. Manual corrections
    are kept. Ctrl-C cancels and leaves everything as it was.
    """
    from surtitle.cli.progress import progress_bar
    from surtitle.core import logs
    from surtitle.recordings.files import RecordingFiles
    from surtitle.recordings.retranscribe import best_transcriber, find_playable, retranscribe
    from surtitle.recordings.storage import open_storage
    from surtitle.store.journal import Store
    from surtitle.store.transcripts import Transcripts

    logs.configure(verbose=False)
    try:
        store = Store(data_dir, database)
        transcripts = Transcripts(store.database)
        settings = _find_settings(store, transcripts, session)
        candidates = (*also, settings.model) if settings.model else also
        storage = open_storage(recordings) if recordings else None
        recording_files = RecordingFiles(data_dir / RECORDINGS, transcripts, storage)
        find_playable(session, recording_files)  # so that no progress bar is shown for a session without recordings
        transcriber = best_transcriber(model, candidates)
        run = partial(retranscribe, session, transcripts, recording_files, settings, transcriber)
        if for_program:
            run(lambda share: print(f"{share:.4f}", flush=True))
            return
        with progress_bar() as bar:
            task = bar.add_task(session, total=1.0)
            count = len(run(lambda share: bar.update(task, completed=share)))
            bar.update(task, completed=1.0)
        click.echo(f"Session {session} now has {count} polished captions.")
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
    except KeyboardInterrupt:
        click.echo("Cancelled: nothing has changed.", err=True)
        sys.exit(130)


def _find_settings(store: Store, transcripts: Transcripts, session: str) -> ChannelSettings:
    """The settings of the channel of a session. Raises `BadRequest` if there is no such session."""
    from surtitle.channels.session import StoredSettings

    found = transcripts.session(session)
    if found is None:
        raise BadRequest(f"There is no session {session!r}: choose one from the service's page /sessions.")
    return store.settings().get(found.session.channel, StoredSettings()).settings
