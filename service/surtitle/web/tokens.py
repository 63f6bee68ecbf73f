"""Access links and tokens over HTTP: `/api/channels/{channel}/links`, `/api/tokens`."""

from __future__ import annotations

import asyncio
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from surtitle.access import tokens
from surtitle.access.authority import LINKS, TokenAuthority
from surtitle.access.token_store import Entry
from surtitle.access.tokens import SCOPE_NAMES, SCOPES, Grant, describe_channels
from surtitle.channels.channel import check_name, check_token_channel
from surtitle.channels.settings import clean_name
from surtitle.core.errors import BadRequest, Forbidden, NoSuchToken
from surtitle.core.settings import LOOPBACK
from surtitle.core.wire.access import NewToken, PageLinks, TokenEntry, TokenList
from surtitle.web.base_path import get_base_path
from surtitle.web.body import read_json
from surtitle.web.guard import get_grant
from surtitle.web.services import services

PATHS = {"viewer": "/view/", "overlay": "/overlay/", "speak": "/speak/"}


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request for a token; ``expires`` is its lifetime, such as 12h, 7d or 1y."""

    channel: str
    scope: str = "view"
    expires: str = "30d"
    name: str = ""


async def channel_links(request: Request) -> Response:
    """`GET /api/channels/{channel}/links`: the addresses of the channel's pages, with a token that can only view."""
    channel = check_name(request.path_params["channel"])
    return JSONResponse(await build_links(request, channel))


async def build_links(connection: HTTPConnection, channel: str) -> PageLinks:
    """The addresses of the channel's pages. Raises `TokenStoreError`."""
    return PageLinks(
        viewer=await build_link(connection, channel, "viewer"),
        overlay=await build_link(connection, channel, "overlay"),
    )


async def build_link(connection: HTTPConnection, channel: str, purpose: str) -> str:
    """The address at which others open the channel's page `viewer`, `overlay` or `speak`.

    The token of the last one can publish: only clients that can do so may be given it. Raises `TokenStoreError`.
    """
    authority = services(connection).authority
    page = get_base_url(connection) + PATHS[purpose] + quote(channel)
    if not authority.guarded:
        return page
    grant = get_grant(connection)
    if grant.scope > LINKS[purpose][0] or not grant.single:  # otherwise the client's own token is passed on
        grant = await asyncio.to_thread(authority.get_link_grant, channel, purpose)
    return f"{page}?{urlencode({'token': grant.token})}"


def get_base_url(connection: HTTPConnection) -> str:
    """The service's address as other computers see it."""
    settings = services(connection).settings
    url = connection.url
    if settings.guarded and (settings.access.public_url or url.hostname in LOOPBACK):
        return settings.public_url
    return f"{url.scheme.replace('ws', 'http')}://{url.netloc}{get_base_path(connection.scope)}"


async def list_tokens(request: Request) -> Response:
    """`GET /api/tokens`: the tokens issued for channels that the client's token covers."""
    authority = services(request).authority
    return JSONResponse(TokenList(tokens=[_describe(entry) for entry in await _list_entries(request, authority)]))


async def make_token(request: Request) -> Response:
    """`POST /api/tokens`: issue a token; the response is the only place where it appears."""
    authority = services(request).authority
    wanted = await read_json(request, TokenRequest, "A token request", '{"channel":"main","scope":"view"}')
    if wanted.scope not in SCOPES:
        raise BadRequest(f"scope: {wanted.scope[:20]!r} is not a scope: send one of {', '.join(SCOPES)}.")
    channel = check_token_channel(wanted.channel)
    if not authority.guarded:
        raise BadRequest("This service needs no tokens, because only this computer can reach it.")
    _check_channel(get_grant(request), channel)
    seconds = tokens.parse_duration(wanted.expires)
    grant = await asyncio.to_thread(authority.issue, SCOPES[wanted.scope], channel, seconds, clean_name(wanted.name))
    return JSONResponse(NewToken(id=str(grant.id), token=str(grant.token), expires=int(grant.expires)))


async def revoke_token(request: Request) -> Response:
    """`DELETE /api/tokens/{id}`: revoke a token; clients using it are disconnected within seconds."""
    authority = services(request).authority
    name = request.path_params["id"]
    if all(entry.id != name for entry in await _list_entries(request, authority)):
        raise NoSuchToken("No token has this id, or it has expired.")
    await asyncio.to_thread(authority.token_store.revoke, name)
    return JSONResponse({"revoked": name})


async def _list_entries(request: Request, authority: TokenAuthority) -> list[Entry]:
    grant = get_grant(request)
    return [entry for entry in await asyncio.to_thread(authority.token_store.entries) if grant.covers(entry.channel)]


def _check_channel(grant: Grant, channel: str) -> None:
    if not grant.covers(channel):
        raise Forbidden(f"Your token is for {describe_channels(grant.channel)} and cannot issue tokens for others.")


def _describe(entry: Entry) -> TokenEntry:
    return TokenEntry(
        id=entry.id,
        name=entry.name,
        scope=SCOPE_NAMES[entry.scope],
        channel=entry.channel,
        issued=entry.issued,
        expires=entry.expires,
        revoked=entry.revoked,
    )
