"""OpenAI's Realtime interface for transcription: `WS /v1/realtime`."""

from __future__ import annotations

import msgspec
from starlette.websockets import WebSocket

from surtitle.audio.intake import check_format
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import BadRequest, UnsupportedFormat
from surtitle.web.compat.endpoint import check_spoken_language, find_channel
from surtitle.web.compat.live_source import AudioFormat, LiveSource
from surtitle.web.compat.openai_connection import Connection, InvalidValue, Json, accept_client, close_with_error
from surtitle.web.compat.realtime_items import Items
from surtitle.web.compat.realtime_session import Session
from surtitle.web.sockets import run_socket

_MODEL = "whisper-1"  # what a session is said to use before it is known
_LOOK = 0.1  # seconds between two looks at the time while a turn may end
_HEARTBEAT = 60.0


class EmptyBuffer(BadRequest):
    """There is no audio to commit."""

    code = "input_audio_buffer_commit_empty"


async def realtime_socket(websocket: WebSocket) -> None:
    """One source over OpenAI's Realtime interface."""
    await run_socket(websocket, _serve, close_with_error)


async def _serve(websocket: WebSocket) -> None:
    await accept_client(websocket)
    await _Transcription(websocket).run()


class _Transcription(Connection):
    append = "input_audio_buffer.append"

    def __init__(self, websocket: WebSocket) -> None:
        super().__init__(websocket)
        beta = "realtime=v1" in websocket.headers.get("openai-beta", "") or any(
            name.startswith("openai-beta.") for name in websocket.scope.get("subprotocols", ())
        )
        self._items = Items(Session(beta=beta))
        self._uncommitted = False  # whether there is audio since the last commit

    @property
    def _session(self) -> Session:
        return self._items.session

    def describe_created(self) -> Json:
        prefix = "transcription_session" if self._session.beta else "session"
        return {"type": f"{prefix}.created", "session": self._describe()}

    def source(self) -> tuple[AudioFormat, SourceOptions]:
        return self._session.format.audio, self._session.transcription.options

    async def write(self, live: LiveSource, data: bytes) -> None:
        self._uncommitted = True
        await live.write(data)

    async def handle(self, event: Json) -> None:
        kind = event["type"]
        if kind in ("session.update", "transcription_session.update"):
            await self._update(event)
        elif kind == "input_audio_buffer.commit":
            await self._commit()
        elif kind == "input_audio_buffer.clear":
            await self._clear()
        else:
            raise InvalidValue(
                f"type: {kind[:60]!r} is not supported: this service transcribes, so send session.update or "
                "input_audio_buffer.append, commit or clear."
            )

    async def _update(self, event: Json) -> None:
        session = self._session.update(event)
        if event["type"].startswith("transcription_session"):
            session = msgspec.structs.replace(session, beta=True)
        audio, options = session.format.audio, session.transcription.options
        if self._live is not None:
            if audio != self._session.format.audio:
                raise UnsupportedFormat("The format cannot change after audio was sent: open another connection.")
            self._live.change_options(options)
        else:  # what would be refused with the first audio
            check_format(audio.name, audio.rate, audio.channels)
            await check_spoken_language(self._websocket, find_channel(self._websocket), options.language)
        self._items.session = session
        kind = event["type"].removesuffix(".update")
        await self.send({"type": f"{kind}.updated", "session": self._describe()})

    async def _commit(self) -> None:
        if self._live is None or not self._uncommitted:
            raise EmptyBuffer("There is no audio since the last commit: append some before you commit.")
        self._uncommitted = False
        async with self._sending:
            await self._live.flush()
            await self.send_locked(*self._items.commit(self._live.take_changes(), self._live.received))

    async def _clear(self) -> None:
        async with self._sending:
            if self._live is not None:
                await self._live.flush()
                self._items.clear(self._live.take_changes(), self._live.received)
            self._uncommitted = False
            await self.send_locked({"type": "input_audio_buffer.cleared"})

    async def send_changes(self, live: LiveSource) -> None:
        while not live.ended:
            await live.wait(_LOOK if self._items.waiting else _HEARTBEAT)
            async with self._sending:
                await self.send_locked(*self._items.update(live.take_changes(), live.recognized))

    def _describe(self) -> Json:
        return self._session.describe(self._live.model if self._live else _MODEL)
