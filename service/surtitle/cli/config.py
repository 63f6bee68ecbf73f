"""The settings file of `serve`: TOML with a key for each option, and a table `limits`."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import click

from surtitle.cli.options import EngineName
from surtitle.core.settings import Limits

_EXCLUDED = ("config", "help")  # options that a file cannot set


def read_config(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Set the options' defaults from a file. Raises `click.UsageError`, which names the file, line and key."""
    if path is None:
        return
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"Cannot read {path}: {getattr(error, 'strerror', None) or error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise click.UsageError(f"{path} is not valid TOML: {error}.") from error
    limits = values.pop("limits", {})
    if not isinstance(limits, dict):
        raise click.UsageError(f"{_locate(path, text, 'limits')}: write a table of numbers, under a line [limits].")
    defaults = {}
    for key, value in values.items():
        option = _find_option(context, key)
        if value == "":
            continue  # an empty string is the same as no entry
        if option is None:
            known = ", ".join(sorted(_key(option) for option in _options(context.command) if not option.hidden))
            raise click.UsageError(f"{_locate(path, text, key)} is not a setting: choose from {known}.")
        defaults[option.name or ""] = _check_value(context, option, value, _locate(path, text, key))
    if limits:
        option = next(option for option in _options(context.command) if option.name == "limits")
        for key, value in limits.items():
            _check_value(context, option, [f"{key}={value}"], _locate(path, text, key))
        defaults["limits"] = [f"{key}={value}" for key, value in limits.items()]
    context.default_map = {**(context.default_map or {}), **defaults}


def format_example(command: click.Command) -> str:
    """A settings file with every key commented out at its default, so that using it changes nothing."""
    lines = [
        "# Settings for `surtitle serve --config FILE`. Lines that are commented out show the defaults.",
        "# Environment variables (SURTITLE_SERVE_PORT) override this file, and options (--port) override both.",
    ]
    for option in _options(command):
        if option.name == "limits" or option.hidden:
            continue
        lines += ["", f"# {_sentence(option)}", f"#{_key(option)} = {_literal(option)}"]
    lines += ["", "# Limits on what clients may do. Times are in seconds, sizes in bytes.", "[limits]"]
    for field in dataclasses.fields(Limits):
        help_text = f"# {field.metadata['help']}"
        lines.append(f"#{field.name} = {field.default}".ljust(35) + help_text)
    return "\n".join(lines) + "\n"


def _sentence(option: click.Option) -> str:
    choices = option.type.choices if isinstance(option.type, click.Choice | EngineName) else ()
    suffix = f" One of {', '.join(choices)}." if choices else ""
    return f"{(option.help or f'The {_key(option)}.').replace(chr(10), ' ')}{suffix}"


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
    return [param for param in command.params if isinstance(param, click.Option) and param.name not in _EXCLUDED]


def _key(option: click.Option) -> str:
    """The option's key in the file: its name on the command line, with underscores."""
    return option.opts[-1].lstrip("-").replace("-", "_")


def _find_option(context: click.Context, key: str) -> click.Option | None:
    name = key.replace("-", "_")
    options = (option for option in _options(context.command) if option.name != "limits")
    return next((option for option in options if _key(option) == name), None)


def _check_value(context: click.Context, option: click.Option, value: Any, location: str) -> Any:
    """Return a value that the option accepts. Raises `click.UsageError`, which begins with ``location``."""
    expected = list if option.multiple else bool if option.is_flag else str | int | float
    if not isinstance(value, expected) or (isinstance(value, bool) and not option.is_flag):
        kind = "a list in [ ]" if option.multiple else "true or false" if option.is_flag else "a string or a number"
        raise click.UsageError(f"{location}: write {kind}.")
    try:
        option.type_cast_value(context, value)
    except click.BadParameter as error:
        raise click.UsageError(f"{location}: {error.message}") from error
    return value


def _locate(path: Path, text: str, key: str) -> str:
    """The file, line and key, as an error message names them."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*\[?\s*[\"']?{re.escape(key)}[\"']?\s*[=\].]", line):
            return f"{path}, line {number}, {key}"
    return f"{path}, {key}"
