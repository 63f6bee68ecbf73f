"""One source whose client speaks the protocol of another program: audio in, changes of its captions out.

This is what the protocols are built on. They differ in their messages; what happens to audio and captions is here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from surtitle.audio.intake import Intake, check_format, open_intake
from surtitle.captions.caption import Caption
from surtitle.channels.audio_tap import tap
from surtitle.channels.channel import Channel
from surtitle.channels.hub import Hub, OpenedSource
from surtitle.channels.source_options import SourceOptions
from surtitle.core.logs import about
from surtitle.core.settings import Limits
from surtitle.models.catalogue import plain_name
from surtitle.speech.recognizer import Boundary
from surtitle.web.compat.endpoint import check_spoken_language
from surtitle.web.compat.sockets import receive_message
from surtitle.web.compat.transcript import Change, Follower
from surtitle.web.services import services

log = logging.getLogger("surtitle.compat")

_HEARTBEAT = 60.0  # seconds after which waiting for changes looks again, whatever happens


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How the client's audio is encoded, as in `open_intake`; ``rate`` (Hz) and ``channels`` are for raw samples."""

    name: str = "pcm16le"
    rate: int = 16_000
    channels: int = 1


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """What a client asks for: ``name`` is how its source is called on the dashboard and in transcripts."""

    channel: str
    name: str
    audio: AudioFormat = AudioFormat()
    options: SourceOptions = field(default_factory=SourceOptions)


class LiveSource:
    """A source and its captions; all times are in seconds from its first sample.

    Audio that is sent faster than it can be recognized is held back and never skipped.
    """

    def __init__(self, opened: OpenedSource, intake: Intake, limits: Limits, hub: Hub) -> None:
        self._opened = opened
        self._hub = hub
        self._limits = limits
        self._source = opened.source
        self._intake = intake
        self._follower = Follower(self._source.clock)
        self._seen = 0  # the sequence number of the last event that `take_changes` returned
        self._begun = False  # whether there was any audio
        self.ended = False
        """Whether `take_changes` has returned everything, and nothing more will come."""

    @property
    def owner(self) -> asyncio.Future[None]:
        """Fails when the client loses its source."""
        return self._opened.owner

    @property
    def channel(self) -> Channel:
        """The channel in which the source is published."""
        return self._source.channel

    @property
    def clock(self) -> float:
        """The time of the first sample on the channel's clock, in seconds."""
        return self._source.clock

    @property
    def received(self) -> float:
        """Seconds of audio received."""
        return self._source.input.received

    @property
    def waiting(self) -> float:
        """Seconds of audio that are not recognized yet."""
        return self._source.input.waiting

    @property
    def recognized(self) -> float:
        """Seconds of audio whose changes `take_changes` returns."""
        return self._source.recognized

    @property
    def name(self) -> str:
        """The source's name, under which its captions are published."""
        return self._source.name

    @property
    def lag(self) -> float:
        """Seconds from the arrival of audio until it was recognized."""
        return self._source.stats.lag

    @property
    def language(self) -> str:
        """The language that is recognized, or "auto" while it is unknown."""
        return self._source.language

    @property
    def model(self) -> str:
        """The name of the model that recognizes."""
        return plain_name(self._source.model) or self._source.engine

    @property
    def engine(self) -> str:
        """The kind of recognizer."""
        return self._source.engine

    @property
    def follower(self) -> Follower:
        """Has the words that may still change."""
        return self._follower

    async def receive(self, websocket: WebSocket, timeout: float | None = None) -> bytes | str:
        """The client's next message, for which it has ``timeout`` seconds if its protocol says so.

        Raises `WebSocketDisconnect`, `TimedOut`, `TooLarge`, and `SurtitleError` if the client loses its source.
        """
        return await receive_message(websocket, timeout, self._opened.owner)

    def change_options(self, options: SourceOptions) -> None:
        """Change the language and vocabulary from the next utterance on. Raises `BadRequest`."""
        self._hub.change_options(self._source, options)

    async def write(self, data: bytes) -> None:
        """Pass on audio; waits while too much is waiting. Raises `BadAudio`, `EngineError`, `TimedOut`."""
        self._begun = self._begun or bool(data)
        size = self._limits.frame_bytes  # so that little more is waiting than should be
        for at in range(0, len(data), size):
            await self._intake.write(data[at : at + size])

    async def flush(self) -> None:
        """Let all audio so far become final, and wait until it is. Raises `EngineError`."""
        await self._source.flush()

    async def finish(self) -> None:
        """Recognize the rest: afterwards `take_changes` returns all that is left. Raises `SurtitleError`."""
        if self._begun:  # a container without any data is not valid
            await self._intake.finish()
        await self._source.finish()
        if self._source.error is not None:
            raise self._source.error

    def take_changes(self) -> list[Change]:
        """The changes since the last call, without waiting."""
        published: list[Caption | Boundary] = []
        for event in self._source.feed.since(self._seen):
            self._seen = event.number
            if event.name == "end":
                self.ended = True
            if event.caption is not None:
                published.append(event.caption)
            elif event.boundary is not None:
                published.append(event.boundary)
        return self._follower.update(published)

    async def wait(self, timeout: float = _HEARTBEAT) -> bool:
        """Wait until `take_changes` may have something to return; False if ``timeout`` seconds have passed."""
        return await self._source.feed.wait(self._seen, timeout)

    async def changes(self) -> AsyncIterator[list[Change]]:
        """All changes, as they come, until the source has ended."""
        while not self.ended:
            await self.wait()
            if changes := self.take_changes():
                yield changes
            elif self._source.ended:
                return


@asynccontextmanager
async def open_live_source(connection: HTTPConnection, request: LiveRequest) -> AsyncIterator[LiveSource]:
    """A source for as long as the block runs; it ends with the block, and what was heard becomes final.

    The route has checked the client's token. Raises `SurtitleError` if the source cannot be opened.
    """
    audio = request.audio
    await check_spoken_language(connection, request.channel, request.options.language)
    check_format(audio.name, audio.rate, audio.channels)  # before a source is created
    services(connection).admission.check_start(connection)
    hub, settings = services(connection).hub, services(connection).settings
    opened = await hub.open(request.channel, request.name, request.options)
    source = opened.source
    intake = open_intake(
        audio.name, audio.rate, audio.channels, source.put_when_free, tap(source), source.skip, source.report_tracks
    )
    try:
        with about(source.channel.name, source.key):
            yield LiveSource(opened, intake, settings.limits, hub)
    finally:
        await intake.abort()
        source.end()
        if request.channel in settings.unstored_channels and not hub.readers.of(request.channel):
            await source.cancel()  # nobody will see what is left
