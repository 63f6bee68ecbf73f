"""What the routes of all protocols share: their channel, and their source's name and language."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from surtitle.channels.settings import check_language
from surtitle.core.errors import BadRequest
from surtitle.models.catalogue import plain_name
from surtitle.models.engines import BUILT_IN
from surtitle.text.languages import recognizer_code, unknown_language
from surtitle.web.services import services

RETRY_DELAY = 5
"""Seconds after which a client may repeat a request for which there was no room."""


def find_channel(connection: HTTPConnection) -> str:
    """The channel in the path, or that of the route."""
    name: str = connection.path_params.get("channel") or connection.scope["route"].needs.channel
    return name


def source_name(connection: HTTPConnection, default: str) -> str:
    """The name of the client's source: ``source`` in its address, where a person may have put one, or ``default``."""
    return connection.query_params.get("source") or default


def check_spoken_language(connection: HTTPConnection, channel: str, language: str | None) -> None:
    """Refuse a language that the channel's model does not know, because the client would get another one instead.

    A model that is still being loaded cannot be asked. Raises `BadRequest`, `NoSuchChannel`, `TooMany`.
    """
    if not language:
        return
    check_language(language)
    engines, hub = services(connection).engines, services(connection).hub
    engine = engines.get_loaded(hub.channel(channel).settings.model)
    if engine is not None and engines.settled and recognizer_code(language, engine.languages) is None:
        name = engine.name if engine.name == BUILT_IN else plain_name(engine.model)
        raise BadRequest(unknown_language(language, name, engine.languages, detected=False))
