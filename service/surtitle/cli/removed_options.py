"""Options of earlier versions of `surtitle serve`: accepted, so that old scripts and settings files still work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_REMOVED = {
    "--audio-context": "Whisper's encoder now always hears as much as there is",
}


def removed_options(command: Command) -> Command:
    """Let a command accept options that no longer have an effect; each says so when it is used."""
    for name in _REMOVED:
        command = click.option(name, hidden=True, expose_value=False, callback=_warn)(command)
    return command


def _warn(context: click.Context, option: click.Parameter, value: str | None) -> None:
    if value is not None:
        name = option.opts[0]
        setting = name.lstrip("-").replace("-", "_")
        click.echo(f"{name} ({setting} in settings files) is ignored: {_REMOVED[name]}.", err=True)
