"""The options of `serve` about access, limits and the log, and what becomes of them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from surtitle.access import secret as secrets
from surtitle.cli.config import read_config
from surtitle.core.errors import SurtitleError
from surtitle.core.settings import LOOPBACK, Access, Limits, Settings

_FILE = click.Path(dir_okay=False, path_type=Path)
_LIMITS = {field.name: field for field in dataclasses.fields(Limits)}


def limit_of(text: str) -> tuple[str, float]:
    """A limit as "readers=500". Raises `click.BadParameter`."""
    name, _, number = text.partition("=")
    name = name.strip().replace("-", "_")
    if name not in _LIMITS:
        raise click.BadParameter(f"{name!r} is no limit: choose from {', '.join(_LIMITS)}.")
    whole = isinstance(_LIMITS[name].default, int)
    try:
        value = int(number) if whole else float(number)
    except ValueError:
        value = -1
    if not 0 < value < 1e12:
        what = "a whole number" if whole else "a number"
        raise click.BadParameter(f"{name} is {what} over 0, not {number[:20]!r}.")
    return name, value


class _Limit(click.ParamType[tuple[str, float]]):
    name = "NAME=NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[str, float]:
        return value if isinstance(value, tuple) else limit_of(str(value))


_OPTIONS = (
    click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=read_config,
        help="A file of settings; `surtitle config` writes one with comments.",
    ),
    click.option(
        "--secret-file",
        type=_FILE,
        help=f"The secret that tokens are signed with, if it is not in {secrets.VARIABLE} or the data folder.",
    ),
    click.option("--require-token", is_flag=True, help="Want tokens of programs on this computer too."),
    click.option(
        "--public-url",
        metavar="URL",
        help="Where people reach the service, if a proxy or a name stands before it; tokens are needed then.",
    ),
    click.option(
        "--trust-proxy",
        multiple=True,
        metavar="ADDRESS",
        help="A proxy whose X-Forwarded-For and -Proto are believed, for example 127.0.0.1.",
    ),
    click.option("--tls-cert", type=_FILE, help="A certificate (PEM), to be reached by https."),
    click.option("--tls-key", type=_FILE, help="Its private key (PEM), if that is in another file."),
    click.option(
        "--limit",
        "limits",
        multiple=True,
        type=_Limit(),
        metavar="NAME=NUMBER",
        help="Change a limit, for example readers=500; `surtitle config` lists them.",
    ),
    click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Lines for people, or JSON for programs.",
    ),
)


def guard_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options; the command gets `access` and `limits` in place of them, and `log_format`."""

    @functools.wraps(command)
    def run(
        *,
        secret_file: Path | None,
        require_token: bool,
        public_url: str | None,
        trust_proxy: tuple[str, ...],
        tls_cert: Path | None,
        tls_key: Path | None,
        limits: tuple[tuple[str, float], ...],
        **options: Any,
    ) -> None:
        if tls_key is not None and tls_cert is None:
            raise click.UsageError("--tls-key is of no use without its certificate: add --tls-cert.")
        if public_url is not None:
            parts = urlsplit(public_url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.path.strip("/"):
                raise click.UsageError("--public-url is an address without a path, like https://captions.example.org.")
        try:
            secret = secrets.find(options.get("data_dir"), secret_file)
        except SurtitleError as error:
            raise click.ClickException(error.message) from error
        access = Access(secret, require_token, public_url, trust_proxy, tls_cert, tls_key)
        changed: dict[str, Any] = dict(limits)
        command(access=access, limits=dataclasses.replace(Limits(), **changed), **options)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


def check_access(settings: Settings) -> None:
    """Nobody listens beyond this computer without a secret. Raises `click.UsageError`."""
    if settings.guarded and settings.access.secret is None:
        beyond = settings.host if settings.host not in LOOPBACK else settings.access.public_url
        where = f"To be reached at {beyond}" if beyond else "To want tokens"
        raise click.UsageError(
            f"{where} needs a secret, with which the tokens of those are signed who may come in: make one by "
            "`surtitle token new-secret`, then start again."
        )
