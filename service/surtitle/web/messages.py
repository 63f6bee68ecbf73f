"""The messages of the publishing protocol, and the refusal of a WebSocket."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from surtitle.core.errors import BadRequest, SurtitleError
from surtitle.core.wire.errors import ErrorMessage

log = logging.getLogger("surtitle.web")


class Start(msgspec.Struct, tag_field="op", tag="start", frozen=True):
    """The first message, which describes the audio that follows.

    ``rate`` (Hz) and ``channels`` apply to raw samples; ``age`` is how many seconds ago the first sample was captured.
    """

    format: str = "pcm16le"
    rate: int = 16_000
    channels: int = 1
    lang: str | None = None
    source: str = "source"
    age: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    channel: str | None = None
    resume: str | None = None
    token: str | None = None


class End(msgspec.Struct, tag_field="op", tag="end", frozen=True):
    """The last message: no more audio."""


_decoder: msgspec.json.Decoder[Start | End] = msgspec.json.Decoder(Start | End)


def parse(text: str) -> Start | End:
    """Decode a publisher's text message. Raises `BadRequest`."""
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The message is not valid ({error}): send start, then audio, then end.") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest('Text messages must be JSON like {"op":"start",…}; send audio in binary messages.') from error


def error_message(error: SurtitleError) -> ErrorMessage:
    """An error as clients receive it."""
    return ErrorMessage(type="error", code=error.code, message=error.message)


async def refuse(websocket: WebSocket, error: SurtitleError) -> None:
    """Send the client the reason and close. Does nothing if the client is gone or does not read."""
    if websocket.application_state is not WebSocketState.CONNECTED:
        return
    try:
        async with asyncio.timeout(2.0):
            await websocket.send_text(msgspec.json.encode(error_message(error)).decode())
            await websocket.close(error.close, error.code)
    except (RuntimeError, OSError, TimeoutError, WebSocketDisconnect):
        log.debug("the client disconnected before the error could be sent")
