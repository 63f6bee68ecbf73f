"""Links and tokens for others: `/api/channels/{channel}/links`, `/api/tokens`."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from surtitle.access import tokens
from surtitle.access.authority import LINKS, TokenAuthority
from surtitle.access.token_store import Entry
from surtitle.access.tokens import EVERY, SCOPES, Grant, Scope
from surtitle.channels.channel import check_name
from surtitle.channels.settings import clean_name
from surtitle.core.errors import BadRequest, Forbidden, NoSuchToken
from surtitle.core.settings import LOOPBACK, Settings
from surtitle.web.channel_settings import body_of
from surtitle.web.guard import grant_of

PATHS = {"viewer": "/view/", "overlay": "/overlay/"}


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token that is asked for; ``expires`` is how long it lasts, like 12h, 7d or 1y."""

    channel: str
    scope: str = "view"
    expires: str = "30d"
    name: str = ""


async def channel_links(request: Request) -> Response:
    """`GET /api/channels/{channel}/links`: the addresses of its pages for others, with a token that can only view."""
    channel = check_name(request.path_params["channel"])
    return JSONResponse(await links_of(request, channel))


async def links_of(connection: HTTPConnection, channel: str) -> dict[str, str]:
    """The address of each page, by what it is for. Raises `LedgerError`."""
    return {purpose: await link(connection, channel, purpose) for purpose in LINKS}


async def link(connection: HTTPConnection, channel: str, purpose: str) -> str:
    """Where others open a page of the channel: `viewer` or `overlay`. Raises `LedgerError`."""
    authority: TokenAuthority = connection.app.state.authority
    page = base(connection) + PATHS[purpose] + quote(channel)
    if not authority.guarded:
        return page
    grant = grant_of(connection)
    if grant.scope > Scope.VIEW or grant.channel == EVERY:  # else it is passed on as it is
        grant = await asyncio.to_thread(authority.link, channel, purpose)
    return f"{page}?{urlencode({'token': grant.token})}"


def base(connection: HTTPConnection) -> str:
    """The service's address as others see it."""
    settings: Settings = connection.app.state.settings
    url = connection.url
    if settings.guarded and (settings.access.public_url or url.hostname in LOOPBACK):
        return settings.public_url
    return f"{url.scheme.replace('ws', 'http')}://{url.netloc}"


async def list_tokens(request: Request) -> Response:
    """`GET /api/tokens`: those that were given out for channels that the client's token is for."""
    authority: TokenAuthority = request.app.state.authority
    return JSONResponse({"tokens": [_describe(entry) for entry in await _entries(request, authority)]})


async def make_token(request: Request) -> Response:
    """`POST /api/tokens`: a new token; it is told this once."""
    authority: TokenAuthority = request.app.state.authority
    try:
        wish = msgspec.json.decode(await body_of(request), type=TokenRequest)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f'A token is asked for by JSON like {{"channel":"main","scope":"view"}}: {error}.') from error
    if wish.scope not in SCOPES:
        raise BadRequest(f"scope: {wish.scope[:20]!r} is none: send one of {', '.join(SCOPES)}.")
    channel = wish.channel if wish.channel == EVERY else check_name(wish.channel)
    if not authority.guarded:
        raise BadRequest("Tokens are not needed here: the service listens on this computer only.")
    _check_covers(grant_of(request), channel)
    lasts = tokens.seconds_of(wish.expires)
    given = await asyncio.to_thread(authority.give, SCOPES[wish.scope], channel, lasts, clean_name(wish.name))
    return JSONResponse({"id": given.id, "token": given.token, "expires": int(given.expires)})


async def revoke_token(request: Request) -> Response:
    """`DELETE /api/tokens/{id}`: who is connected by it is gone within seconds."""
    authority: TokenAuthority = request.app.state.authority
    name = request.path_params["id"]
    if all(entry.id != name for entry in await _entries(request, authority)):
        raise NoSuchToken("No token of this id was given out, or it has expired.")
    await asyncio.to_thread(authority.token_store.revoke, name)
    return JSONResponse({"revoked": name})


async def _entries(request: Request, authority: TokenAuthority) -> list[Entry]:
    grant = grant_of(request)
    return [entry for entry in await asyncio.to_thread(authority.token_store.entries) if grant.covers(entry.channel)]


def _check_covers(grant: Grant, channel: str) -> None:
    if not grant.covers(channel):
        raise Forbidden("Your token is for one channel, and gives none for others.")


def _describe(entry: Entry) -> dict[str, Any]:
    told = {field: getattr(entry, field) for field in Entry.__slots__}
    return {**told, "scope": entry.scope.name.lower()}
