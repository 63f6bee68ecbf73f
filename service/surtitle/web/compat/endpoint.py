"""What the routes of all protocols share: their channel, and their source's name and language."""

from __future__ import annotations

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from surtitle.channels.settings import check_language
from surtitle.core.errors import BadRequest, NotReady, SurtitleError
from surtitle.models.catalogue import plain_name
from surtitle.models.engines import BUILT_IN
from surtitle.text.languages import recognizer_code, unknown_language
from surtitle.web.routing import check_method
from surtitle.web.services import services


class NoSuchEndpoint(SurtitleError):
    """There is nothing at this path of another service's interface."""

    code = "unknown_url"
    close = 4404
    status = 404


RETRY_DELAY = 5
"""Seconds after which a client may repeat a request for which there was no room."""


def find_channel(connection: HTTPConnection) -> str:
    """The channel in the path, or that of the route."""
    name: str = connection.path_params.get("channel") or connection.scope["route"].needs.channel
    return name


def source_name(connection: HTTPConnection, default: str) -> str:
    """The name of the client's source: ``source`` in its address, where a person may have put one, or ``default``."""
    return connection.query_params.get("source") or default


async def preflight(method: str, request: Request) -> Response:
    """Answer a browser that asks whether a page may send a request with ``method`` and headers like a token."""
    headers = {"access-control-allow-methods": method, "access-control-max-age": "600", "allow": method}
    if wanted := request.headers.get("access-control-request-headers"):
        headers["access-control-allow-headers"] = wanted
    if request.headers.get("access-control-request-private-network") == "true":
        headers["access-control-allow-private-network"] = "true"
    return Response(status_code=204, headers=headers)


async def no_such_endpoint(request: Request) -> Response:
    """Refuse what the services have that these protocols are of, and this one does not."""
    check_method(request.scope)
    raise NoSuchEndpoint(
        f"This service does not have {request.url.path[:120]}: it only recognizes and translates speech."
    )


async def check_spoken_language(connection: HTTPConnection, name: str, language: str | None) -> None:
    """Refuse a language that the model of the channel ``name`` does not know: the client would get another one instead.

    Waits, as the start of a source does, while a model on this computer is being loaded. Raises `BadRequest`,
    `NotReady`, `NoSuchChannel`, `TooMany`.
    """
    if not language:
        return
    check_language(language)
    engines, channel = services(connection).engines, services(connection).hub.channel(name)
    wanted = channel.settings.model
    engine = await engines.get_available(wanted, channel.model)
    if recognizer_code(language, engine.languages) is not None:
        return
    if engine is not engines.get_loaded(wanted) or not engines.settled:
        raise NotReady(
            f"The model that could know the language {language} is still being loaded: try again in a few minutes."
        )
    model = engine.name if engine.name == BUILT_IN else plain_name(engine.model)
    raise BadRequest(unknown_language(language, model, engine.languages, detected=False))
