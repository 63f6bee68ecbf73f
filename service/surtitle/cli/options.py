"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from platformdirs import user_data_path

from surtitle.core.errors import SurtitleError

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT_DATA_DIR = user_data_path("surtitle", appauthor=False)
DEFAULT_URL = "http://127.0.0.1:8000"
"""The address of a service that was started without options."""


def data_dir_option(text: str | None = None, *, envvar: Sequence[str] | None = None) -> Callable[[Command], Command]:
    """``--data-dir``, which ``text`` explains. ``envvar`` replaces the variable that is named after the command."""
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        default=DEFAULT_DATA_DIR,
        envvar=envvar,
        show_default=True,
        help=text,
    )


def host_option(text: str | None = None, *, envvar: Sequence[str] | None = None) -> Callable[[Command], Command]:
    """``--host``."""
    return click.option("--host", default="127.0.0.1", envvar=envvar, show_default=True, help=text)


def port_option(*, envvar: Sequence[str] | None = None) -> Callable[[Command], Command]:
    """``--port``."""
    return click.option("--port", type=click.IntRange(1, 65535), default=8000, envvar=envvar, show_default=True)


def or_of_serve(command: str, option: str) -> list[str]:
    """The variables of an option that a command shares with `serve`: its own first, then that of `serve`."""
    return [f"SURTITLE_{command}_{option}", f"SURTITLE_SERVE_{option}"]


def _check_language(context: click.Context, parameter: click.Parameter, value: str) -> str:
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
    callback=_check_language,
    help="The spoken language: a code such as en, pt-BR or zh-TW, or auto to detect it.",
)
