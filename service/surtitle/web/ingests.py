"""The streams of a channel that the service fetches or waits for, over HTTP."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from surtitle.core.wire.ingests import IngestList
from surtitle.ingest.address import MAX_LENGTH
from surtitle.web.body import read_json
from surtitle.web.services import services


class NewIngest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stream to add. With ``listen``, an encoder sends it to ``url``, an address of the service's computer."""

    url: Annotated[str, msgspec.Meta(max_length=MAX_LENGTH)]
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    language: str | None = None
    listen: bool = False


async def list_ingests(request: Request) -> Response:
    """`GET /api/channels/{channel}/ingests`."""
    return _list(request)


async def add_ingest(request: Request) -> Response:
    """`POST /api/channels/{channel}/ingests`: it is stored with the channel, and starts at once."""
    new = await read_json(request, NewIngest, "A stream", '{"url":"rtmp://example.org/live/talk","name":"Stage"}')
    await services(request).ingests.add(
        request.path_params["channel"], new.url, new.name, new.language, listen=new.listen
    )
    return _list(request, status=201)


async def remove_ingest(request: Request) -> Response:
    """`DELETE /api/channels/{channel}/ingests/{id}`: its source ends, and its captions stay."""
    services(request).ingests.remove(request.path_params["channel"], request.path_params["id"])
    return _list(request)


def _list(request: Request, status: int = 200) -> Response:
    channel = services(request).hub.channel(request.path_params["channel"])
    return JSONResponse(IngestList(ingests=services(request).ingests.streams(channel)), status_code=status)
