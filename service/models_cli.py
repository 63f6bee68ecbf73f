"""The command line's `models`: what there is, fetch, remove."""

from __future__ import annotations

from typing import Any

import click

from service.errors import ModelError


@click.group(invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """List, fetch and remove models: Whisper's, and NLLB's for translations."""
    if context.invoked_subcommand is None:
        context.invoke(show)


@models.command("list")
def show() -> None:
    """Show the models that have a name, and which are on this computer."""
    from rich.console import Console
    from rich.table import Table

    from service.speech import models as found
    from service.translation import models as translation

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
    for name, (_, about) in translation.NAMES.items():
        here = "yes" if translation.cached(name) else ""
        table.add_row(name, _megabytes(about), here, "for translations")
    console = Console()
    console.print(table)
    console.print(f"\n{translation.LICENCE}", soft_wrap=True, highlight=False)
    console.print(f"\nModels are kept in {found.cache()}", soft_wrap=True, highlight=False)


@models.command("fetch")
@click.argument("name")
def fetch(name: str) -> None:
    """Download the model NAME, so that it is there when it is needed."""
    from service.progress import fetch as fetch_model

    found = _models_of(name)
    kind = found.KIND
    try:
        if found.local_directory(name) is not None:
            raise ModelError(f"{name} is a directory: there is nothing to fetch.")
        directory = found.cached(name)
        click.echo(f"{name} is on this computer already." if directory else f"{name} is in {fetch_model(name, kind)}.")
    except ModelError as error:
        raise click.ClickException(error.message) from error


@models.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Delete the model NAME from this computer."""
    from service.speech import models as found

    kind = _models_of(name).KIND
    if not yes:
        click.confirm(f"Delete the model {name} from this computer?", abort=True)
    try:
        click.echo(f"{name} is removed; {_megabytes(found.remove(name, kind))} are free again.")
    except ModelError as error:
        raise click.ClickException(error.message) from error


def _models_of(name: str) -> Any:
    """The module that knows models of that kind."""
    from service.speech import models as speech
    from service.translation import models as translation

    return translation if "nllb" in name.lower() else speech


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
