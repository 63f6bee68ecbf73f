"""The command `surtitle token`: create, list and revoke tokens, create the secret."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import click

from surtitle.access import secret as secrets
from surtitle.access import tokens
from surtitle.access.token_store import IssuedTokens, TokenStore
from surtitle.access.tokens import EVERY, SCOPES, Scope, describe_channels
from surtitle.cli.options import DEFAULT_URL, data_dir_option, or_of_serve
from surtitle.core.errors import SurtitleError

_PAGES = {Scope.VIEW: ("viewer", "overlay"), Scope.PUBLISH: ("viewer", "overlay"), Scope.ADMIN: ("dashboard",)}
_PATHS = {"viewer": "/view/{}", "overlay": "/overlay/{}", "dashboard": "/"}

_DATA_DIR_HELP = "The data folder of `serve`."

# The same option after a subcommand's name, where people expect it too.
_same_data_dir = click.option(
    "--data-dir", "own", type=click.Path(file_okay=False, path_type=Path), help=_DATA_DIR_HELP
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where tokens are listed; ``database`` is an address if services share it."""

    data_dir: Path
    database: str | None

    @contextmanager
    def open(self, data_dir: Path | None = None) -> Iterator[IssuedTokens]:
        """The list of tokens, in another data folder if one is given. Raises `SurtitleError`."""
        with closing(TokenStore(data_dir or self.data_dir)) as local:
            if self.database is None:
                yield local
                return
            from surtitle.access.shared_tokens import SharedTokens
            from surtitle.store.database import Database

            with closing(Database(data_dir or self.data_dir, self.database)) as database:
                yield SharedTokens(local, database)


def _find_shared_database() -> str | None:
    """The database in the variables of `serve`, which has the tokens if services share a bus."""
    return os.environ.get("SURTITLE_SERVE_DATABASE") if os.environ.get("SURTITLE_SERVE_BUS") else None


@click.group(invoke_without_command=True)
@click.option(
    "--channel",
    default="main",
    show_default=True,
    help="The channel the token is for, * for all, or acme-* for all that begin so.",
)
@click.option(
    "--scope",
    type=click.Choice(list(SCOPES)),
    default="view",
    show_default=True,
    help="What the token allows: view captions, also publish audio, or admin for everything in the channel.",
)
@click.option("--expires", default="30d", show_default=True, metavar="TIME", help="How long it is valid: 12h, 7d, 1y.")
@click.option("--name", default="", help="Who it is for, as shown in the list.")
@click.option("--url", help="The service's address for the links.  [default: the one it last started with]")
@click.option(
    "--secret-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=or_of_serve("TOKEN", "SECRET_FILE"),
    help="The same file as for `serve`.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print the token and nothing else.")
@data_dir_option(_DATA_DIR_HELP, envvar=or_of_serve("TOKEN", "DATA_DIR"))
@click.option(
    "--database",
    metavar="URL",
    default=_find_shared_database,
    help="The PostgreSQL database of services that share a bus.",
)
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
    database: str | None,
) -> None:
    """Create a token that lets somebody else use the service.

    Prints the token, and links that contain it. A service that is only reachable from this computer needs none.
    """
    context.obj = _Place(data_dir, database)
    if context.invoked_subcommand is not None:
        return
    from surtitle.channels.channel import check_token_channel
    from surtitle.channels.settings import clean_name

    try:
        secret = secrets.find(data_dir, secret_file)
        if secret is None:
            raise click.ClickException("There is no secret yet: create one with `surtitle token new-secret`.")
        check_token_channel(channel)
        with context.obj.open() as token_store:
            grant = tokens.issue(secret, SCOPES[scope], channel, tokens.parse_duration(expires))
            token_store.add(grant, clean_name(name))
            address = url or token_store.url or DEFAULT_URL
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
    click.echo(grant.token)
    if quiet:
        return
    click.echo(f"\nIt grants the scope {scope} in {describe_channels(channel)} until {_format_date(grant.expires)}.")
    click.echo(f"To revoke it: surtitle token revoke {grant.id}")
    for page in _PAGES[grant.scope]:
        path = _PATHS[page].format(quote(channel if grant.single else channel.replace(EVERY, "main")))
        click.echo(f"  {page:<9}  {address.rstrip('/')}{path}?{urlencode({'token': grant.token})}")


@token.command("list")
@_same_data_dir
@click.pass_obj
def show(place: _Place, own: Path | None) -> None:
    """List the tokens that have not expired."""
    from rich.console import Console
    from rich.table import Table

    try:
        with place.open(own) as token_store:
            entries = token_store.entries()
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
    table = Table(box=None, header_style="bold")
    for column in ("Id", "For", "Scope", "Channel", "Created", "Until"):
        table.add_column(column, no_wrap=column == "Id")
    for entry in entries:
        until = "revoked" if entry.revoked is not None else _format_date(entry.expires)
        table.add_row(entry.id, entry.name, entry.scope.name.lower(), entry.channel, _format_date(entry.issued), until)
    Console().print(table if entries else "There are no tokens.")


@token.command("revoke")
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@_same_data_dir
@click.pass_obj
def revoke(place: _Place, own: Path | None, ids: tuple[str, ...]) -> None:
    """Revoke tokens. A running service disconnects the clients that use them within seconds."""
    try:
        with place.open(own) as token_store:
            for name in ids:
                if not token_store.revoke(name):
                    raise click.ClickException(f"There is no token {name}: `surtitle token list` shows their ids.")
                click.echo(f"{name} revoked.")
    except SurtitleError as error:
        raise click.ClickException(error.message) from error


@token.command("new-secret")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_same_data_dir
@click.pass_obj
def new_secret(place: _Place, own: Path | None, yes: bool) -> None:
    """Create the secret that signs tokens. Replacing an existing one invalidates all tokens."""
    try:
        if secrets.find(own or place.data_dir) is not None and not yes:
            click.confirm("There already is a secret. A new one invalidates all existing tokens. Continue?", abort=True)
    except SurtitleError:
        pass  # the existing secret is unusable, so replacing it invalidates nothing
    try:
        path = secrets.create(own or place.data_dir)
    except SurtitleError as error:
        raise click.ClickException(error.message) from error
    click.echo(
        f"The secret is in {path}. Keep it private, and restart `surtitle serve`.\n"
        "To create a token for yourself: surtitle token --scope admin --channel '*'"
    )


def _format_date(seconds: float) -> str:
    """Seconds since 1970 as date and time in the local time zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
