"""Options that several commands have."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
from platformdirs import user_data_path

from surtitle.core.errors import Forbidden, SurtitleError, Unauthorized
from surtitle.core.settings import Settings
from surtitle.text.languages import AUTO

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


def token_option(scope: str) -> Callable[[Command], Command]:
    """``--token`` of a command that uses a service, where the token needs ``scope``."""
    return click.option(
        "--token", envvar="SURTITLE_TOKEN", help=f"A token with the scope {scope}, if the service needs one."
    )


def explain_refusal(code: str, message: str) -> str:
    """A service's refusal as a command shows it: if a token is missing or not sufficient, with how to give one."""
    if code not in (Unauthorized.code, Forbidden.code):
        return message
    return f"{message.removesuffix('.')}, and give it with --token or in the variable SURTITLE_TOKEN."


def or_of_serve(command: str, option: str) -> list[str]:
    """The variables of an option that a command shares with `serve`: its own first, then that of `serve`."""
    return [f"SURTITLE_{command}_{option}", f"SURTITLE_SERVE_{option}"]


class EngineName(click.ParamType[str]):
    """The name of an installed kind of recognizer, or "auto"."""

    name = "engine"

    @property
    def choices(self) -> tuple[str, ...]:
        from surtitle.speech.kinds import engine_kinds

        return ("auto", *engine_kinds())

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return f"[{'|'.join(self.choices)}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            self.fail(f"{value!r} is not one of {', '.join(map(repr, self.choices))}.", param, ctx)
        return str(value)


def engine_option(
    text: str = "The speech recognizer.", *, envvar: Sequence[str] | None = None, hidden: bool = False
) -> Callable[[Command], Command]:
    """``--engine``."""
    return click.option(
        "--engine", type=EngineName(), default="auto", envvar=envvar, show_default=True, hidden=hidden, help=text
    )


def use_pool(settings: Settings) -> Settings:
    """The settings with the inference pool as the recognizer, if there is one and no other recognizer was chosen.

    Its address is set in the environment, where it is also found by the processes that the service starts. Raises
    `click.UsageError`.
    """
    from surtitle.core.kinds import split_kind
    from surtitle.pool.address import KIND, URL_VARIABLE, check_url, read_token

    if settings.inference is None:
        return settings
    try:
        os.environ[URL_VARIABLE] = check_url(settings.inference)
        read_token(os.environ)
    except SurtitleError as error:
        raise click.UsageError(error.message) from error
    model = settings.model
    elsewhere = model is not None and (split_kind(model) is not None or os.sep in model or "/" in model)
    return settings if settings.engine != "auto" or elsewhere else replace(settings, engine=KIND)


def name_models(settings: Settings, *, choose: bool = True) -> Settings:
    """The settings with the model's whole name, such as "whisper.cpp:base" of `--engine whisper.cpp --model base`.

    ``choose``: a Whisper model is chosen for a person who names none. Raises `click.UsageError`, before anything
    starts, if the engine or the model cannot work.
    """
    from surtitle.speech.kinds import DEFAULT, engine_kinds, find_model, name_model

    engine = settings.engine
    try:
        model = name_model(engine, settings.model)
        if model is not None:
            find_model(model).check()
    except SurtitleError as error:
        raise click.UsageError(error.message) from error
    if model is None and engine in engine_kinds() and not (choose and engine == DEFAULT):
        example = "base.en" if engine == DEFAULT else "NAME"
        raise click.UsageError(f"--engine {engine} needs a model: add one, for example --model {example}.")
    return replace(settings, model=model)


def _check_language(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return the language. Raises `click.BadParameter` if there is no such language."""
    from langcodes import Language

    from surtitle.channels.settings import check_language

    try:
        language = check_language(value)
    except SurtitleError as error:
        raise click.BadParameter(error.message) from error
    if language != AUTO and not Language.get(language).is_valid():
        raise click.BadParameter(f"There is no language {value!r}: give a code such as en, pt-BR or zh-TW, or auto.")
    return language


def recordings_option(
    help_text: str = "The service's storage for recordings, if it uses one.", *, envvar: Sequence[str] | None = None
) -> Callable[[Command], Command]:
    """``--recordings``."""
    return click.option("--recordings", metavar="URL|FOLDER", envvar=envvar, help=help_text)


language_option = click.option(
    "--language",
    default="auto",
    show_default=True,
    callback=_check_language,
    help="The spoken language: a code such as en, pt-BR or zh-TW, or auto to detect it.",
)
