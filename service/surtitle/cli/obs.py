"""The command `surtitle obs`: put the script for OBS where OBS can be given it."""

from __future__ import annotations

from pathlib import Path

import click

import obs_overlay
from surtitle.cli.options import DEFAULT_DATA_DIR
from surtitle.core.files import replace_file


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_DATA_DIR / "obs",
    show_default=True,
    help="The folder for the script.",
)
@click.option("--print", "printed", is_flag=True, help="Print the script and write nothing.")
def obs(folder: Path, printed: bool) -> None:
    """Save the script for OBS, and say how to add it to OBS.

    OBS remembers where the script is, so run this again after an update of Surtitle: the file is replaced.
    """
    script = obs_overlay.LUA_SCRIPT.read_bytes()
    if printed:
        click.echo(script, nl=False)
        return
    path = (folder / obs_overlay.LUA_SCRIPT.name).absolute()
    known = path.exists()
    try:
        replace_file(path, script)  # OBS may read it at any moment
    except OSError as error:
        raise click.ClickException(
            f"The script cannot be written to {path} ({error.strerror}): choose another folder with --folder."
        ) from error
    click.echo(f"The script for OBS is {path}")
    if known:
        click.echo("If OBS has it already, open Tools → Scripts in OBS, select it, and press ⟳.")
    click.echo("In OBS, open Tools → Scripts, press +, and choose this file. Then press Test connection.")
