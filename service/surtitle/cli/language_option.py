"""The option `--language`, shared by several commands."""

from __future__ import annotations

import click

from surtitle.core.errors import SurtitleError


def _validate(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return the language. Raises `click.BadParameter` if there is no such language."""
    from surtitle.channels.settings import check_language

    try:
        return check_language(value)
    except SurtitleError as error:
        raise click.BadParameter(error.message) from error


language_option = click.option(
    "--language",
    default="auto",
    show_default=True,
    callback=_validate,
    help="The spoken language: a code such as en, de or pt-BR, or auto to detect it.",
)
