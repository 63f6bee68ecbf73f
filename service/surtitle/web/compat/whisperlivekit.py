"""The protocol of WhisperLiveKit: `/asr`, its modes `full` and `diff`, and `/health`.

The contract is that of whisperlivekit 0.2.26. Its clients send containers or raw samples without saying which, so the
first bytes decide.
"""

from __future__ import annotations

import asyncio
import math

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.websockets import WebSocket

from surtitle.captions.caption import Caption
from surtitle.channels.source_options import SourceOptions
from surtitle.channels.track import Track
from surtitle.core.errors import BadRequest, SurtitleError, Unauthorized
from surtitle.text.languages import find_language
from surtitle.web.compat.endpoint import check_spoken_language, find_channel, source_name
from surtitle.web.compat.live_source import AudioFormat, LiveRequest, LiveSource, open_live_source
from surtitle.web.compat.sockets import receive_message, run_both, send_json, send_text
from surtitle.web.compat.transcript import CaptionChange, shift_caption
from surtitle.web.compat.whisperlivekit_state import Differ, State, Transcript
from surtitle.web.services import services
from surtitle.web.sockets import accept, run_socket

NAME = "WhisperLiveKit client"
"""The source's name, unless its address has another."""

_MODES = ("full", "diff")
_RAW = "pcm16le"
_SIGNATURES = (b"\x1a\x45\xdf\xa3", b"OggS", b"RIFF", b"fLaC", b"ID3")
_BRAND = slice(4, 8)  # where an MP4 has `ftyp`
_HEAD = 12  # bytes that tell a container from raw samples
_INTERVAL = 0.05  # seconds between two states
_MAX_RATE = 256_000  # bytes of states per second; a long transcript is sent less often
_IDLE_INTERVAL = 1.0  # seconds after which the remaining times are sent, though nothing else has changed
_TRANSLATION_TIMEOUT = 10.0  # seconds that the last translations may take
_CLOSE_TIMEOUT = 5.0  # seconds that a client has to close the connection itself


class Options(msgspec.Struct, frozen=True):
    """What a client asks for in its address. ``format`` is an addition: it announces raw samples."""

    language: str = ""
    mode: str = _MODES[0]
    target_language: str = ""
    format: str = ""

    def check(self) -> None:
        """Raises `BadRequest`."""
        if self.mode not in _MODES:
            raise BadRequest(f"mode: {self.mode[:40]!r} is not known: send full or diff.")
        if self.format not in ("", _RAW):
            raise BadRequest(f"format: {self.format[:40]!r} is not known: send {_RAW}, or none for any container.")


async def asr_socket(websocket: WebSocket) -> None:
    """One source over WhisperLiveKit's protocol."""
    session = _Session(websocket)
    await run_socket(websocket, session.run, session.close)


async def health(request: Request) -> Response:
    """`/health`: whether a source that starts now is captioned."""
    return JSONResponse({"status": "ok", "backend": "surtitle", "ready": services(request).engines.ready})


def error_response(error: SurtitleError) -> Response:
    """The answer before the connection is accepted; WhisperLiveKit refuses an invalid token with 403."""
    return PlainTextResponse(error.message, 403 if isinstance(error, Unauthorized) else error.status)


def is_container(head: bytes) -> bool:
    """Whether audio that begins with ``head`` (12 bytes) is in a container that can be decoded."""
    return head.startswith(_SIGNATURES) or head[_BRAND] == b"ftyp" or _is_frame(head)


def _is_frame(head: bytes) -> bool:
    """Whether ``head`` is that of MP3 or AAC frames, and not a loud sample that has the same first bits."""
    if len(head) < _HEAD or head[0] != 0xFF:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    is_mp3 = head[1] >= 0xE0 and version != 1 and layer == 1 and 0 < bitrate < 15 and rate != 3 and not head[3] & 3
    is_aac = head[1] & 0xF6 == 0xF0 and head[2] >> 6 == 1 and head[2] >> 2 & 15 < 13
    return is_mp3 or is_aac


class _Session:
    """One connection: its source, and what its client has been sent."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._limits = services(websocket).settings.limits
        self._options = _parse_options(websocket)
        self._differ = Differ() if self._options.mode == "diff" else None
        self._sent: State | None = None

    async def run(self, websocket: WebSocket) -> None:
        channel = services(websocket).hub.channel(find_channel(websocket))
        await accept(websocket)
        options, translations = self._options, services(websocket).translations
        options.check()
        await check_spoken_language(websocket, channel.name, options.language)
        target = translations.language(channel, options.target_language)
        raw = options.format == _RAW
        await send_json(websocket, {"type": "config", "useAudioWorklet": raw, "mode": options.mode})
        head, ended = await self._receive_head()
        if head:
            audio = AudioFormat("auto" if is_container(head) and not raw else _RAW)
            request = LiveRequest(
                channel.name, source_name(websocket, NAME), audio, SourceOptions(options.language or None)
            )
            with translations.subscribe(channel, target) as track:
                async with open_live_source(websocket, request) as live:
                    states = _States(live, self._limits.captions, options, None if target is None else track)
                    await run_both(self._receive_audio(live, head, ended=ended), self._send_states(live, states))
        else:
            await self._send(State())
        await send_json(websocket, {"type": "ready_to_stop"})
        await self._wait_for_close()

    async def close(self, websocket: WebSocket, error: SurtitleError) -> None:
        """Tell the client about an error: in a state if it has some already, because pages show nothing else."""
        if self._sent is not None:
            await self._send(msgspec.structs.replace(self._sent, status="error", error=error.message))
        else:
            await send_json(websocket, {"type": "error", "error": error.message})
        await websocket.close(error.close, error.code)

    async def _receive_head(self) -> tuple[bytes, bool]:
        """The first audio, enough of it to know what it is, and whether that was all."""
        head = bytearray()
        while len(head) < _HEAD:
            data = _check_audio(await receive_message(self._websocket))
            if not data:
                return bytes(head), True
            head += data
        return bytes(head), False

    async def _receive_audio(self, live: LiveSource, head: bytes, *, ended: bool) -> None:
        await live.write(head)
        while not ended and (data := _check_audio(await live.receive(self._websocket))):
            await live.write(data)
        await live.finish()

    async def _send_states(self, live: LiveSource, states: _States) -> None:
        """Send states as they change, until the last one is complete."""
        clock = asyncio.get_running_loop().time
        sent_at = clock()
        while True:
            seen = live.channel.changes.count
            changed = await states.collect(clock())
            pause = _INTERVAL
            if changed or self._sent is None or clock() - sent_at >= _IDLE_INTERVAL:
                state = states.get()
                if state != self._sent:
                    pause = max(pause, await self._send(state) / _MAX_RATE)
                    sent_at = clock()
            if states.complete:
                return
            await asyncio.sleep(pause)
            await live.channel.changes.wait(seen, _IDLE_INTERVAL)

    async def _send(self, state: State) -> int:
        """Send a state in the client's mode. Returns the size of the message in bytes."""
        self._sent = state
        message = self._differ.message(state) if self._differ else msgspec.json.encode(state)
        await send_text(self._websocket, message.decode())
        return len(message)

    async def _wait_for_close(self) -> None:
        """Give the client time to close, and ignore what it still sends: pages stop their recorders late."""
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                while True:
                    await receive_message(self._websocket)
        except TimeoutError:
            await self._websocket.close(1000)


class _States:
    """The states of a source: from its own captions, from corrections, and from the translation if there is one."""

    def __init__(self, live: LiveSource, max_lines: int, options: Options, translation: Track | None) -> None:
        self._live = live
        self._original = live.channel.original
        self._translation = translation
        self._seen = {track: track.feed.last for track in (self._original, translation) if track is not None}
        self._deadline = math.inf  # for the last translations, on the loop's clock
        self._transcript = Transcript(
            max_lines,
            diff=options.mode == "diff",
            translated=translation is not None,
            detected=options.language in ("", "auto"),
        )

    @property
    def complete(self) -> bool:
        """Whether nothing more will change."""
        return self._transcript.complete

    def get(self) -> State:
        return self._transcript.state(self._live.follower.tentative, self._live.waiting)

    async def collect(self, now: float) -> bool:
        """Take what has changed until ``now``, on the loop's clock; returns whether anything has."""
        changed = False
        for change in self._live.take_changes():
            if isinstance(change, CaptionChange):
                self._transcript.put(change.caption)
                changed = True
        for caption in await self._new_captions(self._original):
            changed = self._transcript.correct(caption) or changed
        if self._translation is not None:
            for caption in await self._new_captions(self._translation):
                changed = self._transcript.translate(caption) or changed
        if self._live.ended:
            self._deadline = min(self._deadline, now + _TRANSLATION_TIMEOUT)
            self._transcript.complete = now >= self._deadline or not self._transcript.untranslated
        return changed or self.complete

    async def _new_captions(self, track: Track) -> list[Caption]:
        """The captions that were published in a track since the last call, with times from the source's first sample.

        Captions of other sources are among them.
        """
        events = await track.since(self._seen[track])
        if events:
            self._seen[track] = events[-1].number
        captions = [event.caption for event in events if event.caption is not None]
        return [shift_caption(caption, -self._live.clock) for caption in captions]


def _parse_options(connection: HTTPConnection) -> Options:
    query = connection.query_params  # of a parameter that is there twice, the last
    options = Options(**{name: query[name] for name in Options.__struct_fields__ if name in query})
    return msgspec.structs.replace(options, language=find_language(options.language) or options.language)


def _check_audio(message: bytes | str) -> bytes:
    """Raises `BadRequest`."""
    if isinstance(message, str):
        raise BadRequest("Text messages are not part of this protocol: send the audio in binary messages.")
    return message
