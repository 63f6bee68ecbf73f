"""The command `surtitle doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from platformdirs import user_data_path

from surtitle.core.settings import Settings

_COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option("--host", default="127.0.0.1", envvar=["SURTITLE_DOCTOR_HOST", "SURTITLE_SERVE_HOST"], show_default=True)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    envvar=["SURTITLE_DOCTOR_PORT", "SURTITLE_SERVE_PORT"],
    show_default=True,
)
@click.option("--model", metavar="NAME|DIR", envvar=["SURTITLE_DOCTOR_MODEL", "SURTITLE_SERVE_MODEL"])
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=user_data_path("surtitle", appauthor=False),
    envvar=["SURTITLE_DOCTOR_DATA_DIR", "SURTITLE_SERVE_DATA_DIR"],
    show_default=True,
)
@click.option("--database", metavar="URL", envvar=["SURTITLE_DOCTOR_DATABASE", "SURTITLE_SERVE_DATABASE"])
@click.pass_context
def doctor(context: click.Context, /, **options: Any) -> None:
    """Check that this machine has what `serve` needs, and say how to fix what is missing.

    Takes the same options as `serve`. The exit status is 1 if something prevents it from working.
    """
    from surtitle.cli.checks import Status, run_checks

    failed = False
    for finding in run_checks(Settings(**options)):
        failed = failed or finding.status is Status.FAIL
        status = click.style(f"{finding.status:<4}", fg=_COLORS[finding.status])
        click.echo(f"{status}  {finding.subject:<13} {finding.message}")
    if failed:
        context.exit(1)
