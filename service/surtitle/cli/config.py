"""A file of settings for `serve`: TOML, with the names that the options have, and a table `limits`."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import click

from surtitle.core.settings import Limits

_OWN = ("config", "help")  # options that a file cannot set


def read_config(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Options' defaults become what the file says. Raises `click.UsageError`, which names the file, line and field."""
    if path is None:
        return
    try:
        text = path.read_text(encoding="utf-8")
        told = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise click.UsageError(f"{path} is not TOML: {error}.") from error
    limits = told.pop("limits", {})
    if not isinstance(limits, dict):
        raise click.UsageError(f"{_where(path, text, 'limits')}: it is a table of numbers, under a line [limits].")
    defaults = {}
    for field, value in told.items():
        option = _option(context, field)
        if value == "":
            continue  # as if it were not there
        if option is None:
            known = ", ".join(sorted(_field(one) for one in _options(context.command)))
            raise click.UsageError(f"{_where(path, text, field)} is no setting: choose from {known}.")
        defaults[option.name or ""] = _checked(context, option, value, _where(path, text, field))
    if limits:
        option = next(one for one in _options(context.command) if one.name == "limits")
        for field, value in limits.items():
            _checked(context, option, [f"{field}={value}"], _where(path, text, field))
        defaults["limits"] = [f"{field}={value}" for field, value in limits.items()]
    context.default_map = {**(context.default_map or {}), **defaults}


def example(command: click.Command) -> str:
    """A file that says all that can be set, in comments; nothing of it changes anything."""
    lines = [
        "# Settings for `surtitle serve --config FILE`. What is commented out is as it is anyhow.",
        "# An environment variable (SURTITLE_SERVE_PORT) goes before this file, and an option (--port) before both.",
    ]
    for option in _options(command):
        if option.name == "limits":
            continue
        lines += ["", f"# {_sentence(option)}", f"#{_field(option)} = {_literal(option)}"]
    lines += ["", "# What clients may do at most. Times are in seconds, sizes in bytes.", "[limits]"]
    for field in dataclasses.fields(Limits):
        help_text = f"# {field.metadata['help']}"
        lines.append(f"#{field.name} = {field.default}".ljust(35) + help_text)
    return "\n".join(lines) + "\n"


def _sentence(option: click.Option) -> str:
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    more = f" One of {', '.join(choices)}." if choices else ""
    return f"{(option.help or f'The {_field(option)}.').replace(chr(10), ' ')}{more}"


def _literal(option: click.Option) -> str:
    if option.multiple:
        return "[]"
    if option.is_flag:
        return "false"
    default = option.default
    if isinstance(default, int | float):
        return str(default)
    return f'"{default}"' if isinstance(default, str | Path) else '""'


def _options(command: click.Command) -> list[click.Option]:
    return [one for one in command.params if isinstance(one, click.Option) and one.name not in _OWN]


def _field(option: click.Option) -> str:
    """What an option is called in the file: as on the command line."""
    return option.opts[-1].lstrip("-").replace("-", "_")


def _option(context: click.Context, field: str) -> click.Option | None:
    name = field.replace("-", "_")
    return next((one for one in _options(context.command) if _field(one) == name and one.name != "limits"), None)


def _checked(context: click.Context, option: click.Option, value: Any, where: str) -> Any:
    """The value as the option takes it; a mistake is told with its place."""
    wanted = list if option.multiple else bool if option.is_flag else str | int | float
    if not isinstance(value, wanted) or (isinstance(value, bool) and not option.is_flag):
        kind = "a list in [ ]" if option.multiple else "true or false" if option.is_flag else "a text or a number"
        raise click.UsageError(f"{where}: write {kind}.")
    try:
        option.type_cast_value(context, value)
    except click.BadParameter as error:
        raise click.UsageError(f"{where}: {error.message}") from error
    return value


def _where(path: Path, text: str, field: str) -> str:
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*\[?\s*[\"']?{re.escape(field)}[\"']?\s*[=\].]", line):
            return f"{path}, line {number}, {field}"
    return f"{path}, {field}"
