"""The option `--language`, which several commands have."""

from __future__ import annotations

import click

from surtitle.core.errors import SurtitleError


def _known(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """The language, if it is one."""
    from surtitle.channels.settings import check_language

    try:
        return check_language(value)
    except SurtitleError as error:
        raise click.BadParameter(error.message) from error


language_option = click.option(
    "--language",
    default="auto",
    show_default=True,
    callback=_known,
    help="The language that is spoken: a code like en, de or pt-BR, or auto.",
)
