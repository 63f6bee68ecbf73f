"""The options of `serve` for access, limits and logging, and how they become settings."""

from __future__ import annotations

import dataclasses
import functools
import os
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


def parse_limit(text: str) -> tuple[str, float]:
    """Parse a limit such as "readers=500". Raises `click.BadParameter`."""
    name, _, number = text.partition("=")
    name = name.strip().replace("-", "_")
    if name not in _LIMITS:
        raise click.BadParameter(f"{name!r} is not a known limit: choose from {', '.join(_LIMITS)}.")
    whole = isinstance(_LIMITS[name].default, int)
    try:
        value = int(number) if whole else float(number)
    except ValueError:
        value = -1
    optional = not _LIMITS[name].default  # 0 stands for no limit
    if not (0 < value < 1e12 or (optional and value == 0)):
        kind = "a whole number" if whole else "a number"
        least = "from 0 on" if optional else "greater than 0"
        raise click.BadParameter(f"{name} must be {kind} {least}, not {number[:20]!r}.")
    return name, value


class _Limit(click.ParamType[tuple[str, float]]):
    name = "NAME=NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[str, float]:
        return value if isinstance(value, tuple) else parse_limit(str(value))


_OWN_PATHS = (
    *("api", "asr", "health", "healthz", "metrics", "obs", "overlay", "readyz", "sessions", "speak", "static", "stt"),
    *("v1", "v2", "view", "vosk"),
)
_OPTIONS = (
    click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=read_config,
        help="A settings file; `surtitle config` prints one with comments.",
    ),
    click.option(
        "--secret-file",
        type=_FILE,
        help=f"The secret that signs tokens, if it is not in {secrets.VARIABLE} or the data folder.",
    ),
    click.option("--require-token", is_flag=True, help="Require tokens from local programs too."),
    click.option(
        "--allow-private-ingest",
        "private_ingest",
        is_flag=True,
        help="Let streams that are added on the dashboard come from this computer and private networks, and be sent "
        "to this computer.",
    ),
    click.option(
        "--public-url",
        metavar="URL",
        help="The service's public address, behind a proxy or under a name, with the path below which it is, if any; "
        "then every client needs a token.",
    ),
    click.option(
        "--trust-proxy",
        multiple=True,
        metavar="ADDRESS",
        help="A proxy whose X-Forwarded-For and X-Forwarded-Proto headers are trusted, for example 127.0.0.1.",
    ),
    click.option("--tls-cert", type=_FILE, help="A certificate (PEM), which enables HTTPS."),
    click.option("--tls-key", type=_FILE, help="The certificate's private key (PEM), if it is in a separate file."),
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
        help="text for people, or json for programs.",
    ),
)


def add_serve_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which receives them as `access`, `limits` and `log_format`."""

    @functools.wraps(command)
    def run(
        *,
        secret_file: Path | None,
        require_token: bool,
        private_ingest: bool,
        public_url: str | None,
        trust_proxy: tuple[str, ...],
        tls_cert: Path | None,
        tls_key: Path | None,
        limits: tuple[tuple[str, float], ...],
        **options: Any,
    ) -> None:
        if tls_key is not None and tls_cert is None:
            raise click.UsageError("--tls-key needs its certificate: add --tls-cert.")
        if public_url is not None:
            parts = urlsplit(public_url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
                raise click.UsageError(
                    "--public-url must be an address such as https://captions.example.org or "
                    "https://example.org/captions."
                )
            if (first := parts.path.strip("/").partition("/")[0]) in _OWN_PATHS:
                raise click.UsageError(
                    f"--public-url may not begin with /{first}, which is a path of the service itself: choose another."
                )
        try:
            secret = secrets.find(options.get("data_dir"), secret_file)
        except SurtitleError as error:
            raise click.ClickException(error.message) from error
        access = Access(
            secret=secret,
            require_token=require_token,
            private_ingest=private_ingest,
            public_url=public_url,
            trust_proxy=trust_proxy,
            tls_cert=tls_cert,
            tls_key=tls_key,
        )
        changed: dict[str, Any] = dict(limits)
        command(access=access, limits=dataclasses.replace(Limits(), **changed), **options)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


def check_access(settings: Settings) -> None:
    """Refuse to serve other computers, or to require tokens, without a secret. Raises `click.UsageError`."""
    if settings.guarded and settings.access.secret is None:
        address = settings.host if settings.host not in LOOPBACK else settings.access.public_url
        purpose = f"Serving at {address}" if address else "Requiring tokens"
        raise click.UsageError(
            f"{purpose} needs a secret to sign access tokens: create one with `surtitle token new-secret`, then start "
            "again."
        )


def check_folder(folder: Path, option: str) -> None:
    """Create a folder if it is missing. Raises `click.UsageError` if nothing can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(
            f"Cannot create the folder {folder} ({error.strerror}): choose another with {option}."
        ) from error
    if not os.access(folder, os.W_OK):
        raise click.UsageError(f"Cannot write to the folder {folder}: choose another with {option}.")
