"""The command line's `models`: what there is, fetch, remove."""

from __future__ import annotations

import click

from service.errors import ModelError


@click.group(invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """List, fetch and remove Whisper models."""
    if context.invoked_subcommand is None:
        context.invoke(show)


@models.command("list")
def show() -> None:
    """Show the models that have a name, and which are on this computer."""
    from rich.console import Console
    from rich.table import Table

    from service.speech import models as found

    automatic = found.chosen("auto")
    table = Table(box=None, header_style="bold")
    table.add_column("Model", no_wrap=True)
    table.add_column("Size", justify="right")
    table.add_column("On this computer")
    table.add_column("")
    for model in found.catalogue():
        size = model.size if model.complete else model.about
        here = "yes" if model.complete else f"{_megabytes(model.size)} of it" if model.size else ""
        note = "chosen by auto" if model.name == automatic else ""
        table.add_row(model.name, _megabytes(size) if size else "", here, note)
    console = Console()
    console.print(table)
    console.print(f"\nModels are kept in {found.cache()}", soft_wrap=True, highlight=False)


@models.command("fetch")
@click.argument("name")
def fetch(name: str) -> None:
    """Download the model NAME, so that it is there when it is needed."""
    from service.progress import fetch as fetch_model
    from service.speech import models as found

    try:
        if found.local_directory(name) is not None:
            raise ModelError(f"{name} is a directory: there is nothing to fetch.")
        directory = found.cached(name)
        click.echo(f"{name} is on this computer already." if directory else f"{name} is in {fetch_model(name)}.")
    except ModelError as error:
        raise click.ClickException(error.message) from error


@models.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Delete the model NAME from this computer."""
    from service.speech import models as found

    if not yes:
        click.confirm(f"Delete the model {name} from this computer?", abort=True)
    try:
        click.echo(f"{name} is removed; {_megabytes(found.remove(name))} are free again.")
    except ModelError as error:
        raise click.ClickException(error.message) from error


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
