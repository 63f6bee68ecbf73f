"""The command `surtitle doctor`."""

from __future__ import annotations

from typing import Any

import click

from surtitle.cli.options import data_dir_option, host_option, or_of_serve, port_option
from surtitle.core.settings import Settings

_COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@host_option(envvar=or_of_serve("DOCTOR", "HOST"))
@port_option(envvar=or_of_serve("DOCTOR", "PORT"))
@click.option("--model", metavar="NAME|DIR", envvar=or_of_serve("DOCTOR", "MODEL"))
@data_dir_option(envvar=or_of_serve("DOCTOR", "DATA_DIR"))
@click.option("--database", metavar="URL", envvar=or_of_serve("DOCTOR", "DATABASE"))
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
