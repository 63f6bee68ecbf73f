"""The command `surtitle voices`: list and delete known voices."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from surtitle.cli.options import data_dir_option, or_of_serve
from surtitle.core.errors import SurtitleError

if TYPE_CHECKING:
    from surtitle.store.voices import Voices


@click.group(invoke_without_command=True)
@data_dir_option("The data folder of the service.", envvar=or_of_serve("VOICES", "DATA_DIR"))
@click.option(
    "--database",
    metavar="URL",
    envvar=or_of_serve("VOICES", "DATABASE"),
    help="The service's PostgreSQL database, if it uses one.",
)
@click.pass_context
def voices(context: click.Context, data_dir: Path, database: str | None) -> None:
    """List and delete the voices that the service knows by name."""
    context.obj = (data_dir, database)
    if context.invoked_subcommand is None:
        context.invoke(show)


@voices.command("list")
@click.pass_obj
def show(place: tuple[Path, str | None]) -> None:
    """List the people whose voices are known."""
    from rich.console import Console
    from rich.table import Table

    from surtitle.channels.voice_store import group_by_name

    table = Table(box=None, header_style="bold")
    for column in ("Channel", "Name", "Added", "Speech"):
        table.add_column(column, justify="right" if column == "Speech" else "left")
    with _open(*place) as store:
        for channel in store.channels():
            for name, known in group_by_name(store.load(channel)).items():
                added = time.strftime("%Y-%m-%d %H:%M", time.localtime(known[0].added))
                table.add_row(channel, name, added, f"{sum(one.voice.seconds for one in known):.0f} s")
    Console().print(table if table.row_count else "No voices are known.")


@voices.command("delete")
@click.argument("names", nargs=-1, metavar="NAME…")
@click.option("--channel", help="Only in this channel.  [default: all]")
@click.option("--all", "everybody", is_flag=True, help="Delete all voices.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(
    place: tuple[Path, str | None], names: tuple[str, ...], channel: str | None, everybody: bool, yes: bool
) -> None:
    """Delete the voices of people permanently, by their NAMEs. A running service does not need to be stopped."""
    from surtitle.channels.voice_store import group_by_name

    if everybody == bool(names):
        raise click.UsageError("Give the names to delete, or --all.")
    where = f"in the channel {channel}" if channel else "in all channels"
    if everybody and not yes:
        click.confirm(f"Delete all known voices {where}?", abort=True)
    found: set[str] = set()
    with _open(*place) as store:
        for one in store.channels():
            known = group_by_name(store.load(one)) if channel in (None, one) else {}
            deleted = [name for name in known if everybody or name in names]
            if deleted:
                store.delete(one, [voice.id for name in deleted for voice in known[name]])
                click.echo(f"Deleted in {one}: {', '.join(deleted)}")
            found.update(deleted)
    if missing := [name for name in names if name not in found]:
        raise click.ClickException(f"No voice is known by the name {missing[0]} {where}: see `surtitle voices list`.")
    if not found:
        click.echo("No voices are known.")


@contextmanager
def _open(data_dir: Path, database: str | None) -> Iterator[Voices]:
    """The known voices in the service's database. Errors are for people."""
    from surtitle.store.journal import Store
    from surtitle.store.voices import Voices

    try:
        store = Store(data_dir, database)
        try:
            yield Voices(store)
        finally:
            store.close()
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
