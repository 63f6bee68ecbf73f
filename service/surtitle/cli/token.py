"""The command line's `token`: make, list and revoke tokens, make the secret."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlencode

import click
from platformdirs import user_data_path

from surtitle.access import secret as secrets
from surtitle.access import tokens
from surtitle.access.token_store import TokenStore
from surtitle.access.tokens import EVERY, SCOPES, Scope
from surtitle.core.errors import SurtitleError

_PAGES = {Scope.VIEW: ("viewer", "overlay"), Scope.PUBLISH: ("viewer", "overlay"), Scope.ADMIN: ("dashboard",)}
_PATHS = {"viewer": "/view/{}", "overlay": "/overlay/{}", "dashboard": "/"}

_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=user_data_path("surtitle", appauthor=False),
    envvar=["SURTITLE_TOKEN_DATA_DIR", "SURTITLE_SERVE_DATA_DIR"],
    show_default=True,
    help="The folder that `serve` uses.",
)

# the same after a command's name, where people expect it too
_same_data_dir = click.option(
    "--data-dir",
    "own",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder that `serve` uses.",
)


@click.group(invoke_without_command=True)
@click.option("--channel", default="main", show_default=True, help="The channel it is for, or * for all.")
@click.option(
    "--scope",
    type=click.Choice(list(SCOPES)),
    default="view",
    show_default=True,
    help="What it allows: view captions; also publish sound; or admin, everything in the channel.",
)
@click.option("--expires", default="30d", show_default=True, metavar="TIME", help="How long it lasts: 12h, 7d, 1y.")
@click.option("--name", default="", help="Who it is for, so that you know it again in the list.")
@click.option("--url", help="Where the service is reached, for the links.  [default: as it was started last]")
@click.option(
    "--secret-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=["SURTITLE_TOKEN_SECRET_FILE", "SURTITLE_SERVE_SECRET_FILE"],
    help="As for `serve`.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print the token and nothing else.")
@_data_dir
@click.pass_context
def token(
    context: click.Context,
    channel: str,
    scope: str,
    expires: str,
    name: str,
    url: str | None,
    secret_file: Path | None,
    quiet: bool,
    data_dir: Path,
) -> None:
    """Make a token, with which somebody else may use the service.

    Prints it, and the links that have it. A service that is reached from this computer only needs none.
    """
    context.obj = data_dir
    if context.invoked_subcommand is not None:
        return
    from surtitle.channels.channel import check_name
    from surtitle.channels.settings import clean_name

    try:
        secret = secrets.find(data_dir, secret_file)
        if secret is None:
            raise click.ClickException("There is no secret yet: make one by `surtitle token new-secret`.")
        if channel != EVERY:
            check_name(channel)
        with closing(TokenStore(data_dir)) as token_store:
            grant = tokens.issue(secret, SCOPES[scope], channel, tokens.parse_duration(expires))
            token_store.add(grant, clean_name(name))
            place = url or token_store.url or "http://127.0.0.1:8000"
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
    click.echo(grant.token)
    if quiet:
        return
    where = "all channels" if channel == EVERY else f"the channel {channel}"
    click.echo(f"\nIt allows {scope} in {where} until {_day(grant.expires)}.")
    click.echo(f"To take it back: surtitle token revoke {grant.id}")
    for page in _PAGES[grant.scope]:
        path = _PATHS[page].format(quote("main" if channel == EVERY else channel))
        click.echo(f"  {page:<9}  {place.rstrip('/')}{path}?{urlencode({'token': grant.token})}")


@token.command("list")
@_same_data_dir
@click.pass_obj
def show(data_dir: Path, own: Path | None) -> None:
    """Show the tokens that were given out and have not expired."""
    from rich.console import Console
    from rich.table import Table

    try:
        with closing(TokenStore(own or data_dir)) as token_store:
            entries = token_store.entries()
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
    table = Table(box=None, header_style="bold")
    for column in ("Id", "For", "Scope", "Channel", "Made", "Until"):
        table.add_column(column, no_wrap=column == "Id")
    for entry in entries:
        until = "revoked" if entry.revoked is not None else _day(entry.expires)
        table.add_row(entry.id, entry.name, entry.scope.name.lower(), entry.channel, _day(entry.issued), until)
    Console().print(table if entries else "No token was given out.")


@token.command("revoke")
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@_same_data_dir
@click.pass_obj
def revoke(data_dir: Path, own: Path | None, ids: tuple[str, ...]) -> None:
    """Let tokens count no more. A service that runs lets go of who uses them within seconds."""
    try:
        with closing(TokenStore(own or data_dir)) as token_store:
            for name in ids:
                if not token_store.revoke(name):
                    raise click.ClickException(f"{name} is not in the list of tokens: `surtitle token list` shows it.")
                click.echo(f"{name} counts no more.")
    except SurtitleError as error:
        raise click.ClickException(error.message) from error


@token.command("new-secret")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_same_data_dir
@click.pass_obj
def new_secret(data_dir: Path, own: Path | None, yes: bool) -> None:
    """Make the secret that tokens are signed with. If there was one, all tokens count no more."""
    try:
        if secrets.find(own or data_dir) is not None and not yes:
            click.confirm("There is a secret already. With a new one, all tokens count no more. Make it?", abort=True)
    except SurtitleError:
        pass  # what is there cannot be used anyhow
    try:
        path = secrets.create(own or data_dir)
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
    click.echo(
        f"The secret is in {path}; keep it to yourself, and start `surtitle serve` again.\n"
        "Make yourself a token: surtitle token --scope admin --channel '*'"
    )


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
