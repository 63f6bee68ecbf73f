"""Receives the text of human captioners: what CART programs send to the caption URL of a meeting.

They send one stream of text in many requests, in which backspaces remove characters.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from surtitle.channels.channel import check_name
from surtitle.channels.settings import check_language, clean_name
from surtitle.channels.text_source import TextSource
from surtitle.core.errors import BadRequest
from surtitle.core.wire.sources import CartReceipt
from surtitle.web.body import read_text
from surtitle.web.services import services

_NAME = "captioner"


class CartQuery(msgspec.Struct, frozen=True):
    """The query of a request: its number, its language, the captioner's name, and the age of its words in seconds."""

    seq: int | None = None
    lang: str = ""
    source: str = ""
    age: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0

    @property
    def name(self) -> str:
        """The captioner's name."""
        return clean_name(self.source) or _NAME


async def post_cart(request: Request) -> Response:
    """`POST /api/channels/{channel}/cart`: more text of a captioner."""
    query = _parse_query(request)
    language = _find_language(request, query)
    text = await read_text(request, "A captioner's text")
    source = _find_source(request, query)
    if source is None:
        services(request).admission.check_start(request)
        hub = services(request).hub
        source = hub.open_text_source(request.path_params["channel"], query.name, language, query.age)
    source.write(text, query.seq, language, query.age)
    return JSONResponse(CartReceipt(source=source.name, seq=source.sequence.last))


async def get_cart_sequence(request: Request) -> Response:
    """`GET /api/channels/{channel}/cart/seq`: the highest number so far, 0 without one."""
    source = _find_source(request, _parse_query(request))
    return PlainTextResponse(str((source.sequence.last if source else None) or 0))


def _parse_query(request: Request) -> CartQuery:
    """Raises `BadRequest`."""
    given = {name: value for name, value in request.query_params.items() if value}
    try:
        return msgspec.convert(given, CartQuery, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The query is invalid: {error}.") from error


def _find_language(request: Request, query: CartQuery) -> str | None:
    """The language in the query or the header; None without one. Raises `BadRequest`."""
    named = query.lang or request.headers.get("content-language", "").partition(",")[0].strip()
    return check_language(named) if named and named.lower() != "auto" else None


def _find_source(request: Request, query: CartQuery) -> TextSource | None:
    """Raises `NoSuchChannel`."""
    hub = services(request).hub
    channel = hub.find_channel(check_name(request.path_params["channel"]))
    return hub.text_sources.find(channel, query.name) if channel else None
