"""The feed for the OBS script: all that it displays and sends to OBS, and tickets for its audio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from surtitle.audio.intake import check_format
from surtitle.captions.cea608 import check_writable
from surtitle.channels.channel import Channel
from surtitle.channels.hub import Hub
from surtitle.channels.screen_text import screen_text
from surtitle.channels.settings import check_language
from surtitle.channels.source import Source
from surtitle.channels.track import Track
from surtitle.closed_captions.captioner import Captioner
from surtitle.closed_captions.outputs import Outputs
from surtitle.core.errors import BadRequest
from surtitle.core.wire.obs import ObsOverlay, ObsScreen, ObsSource, ObsState, ObsTicket
from surtitle.web.messages import Start
from surtitle.web.publish import parse_start
from surtitle.web.services import services
from surtitle.web.tickets import Tickets
from surtitle.web.tokens import build_link

_MIN_INTERVAL = 0.1  # seconds between two looks at what has changed
_HEARTBEAT = 2.0  # seconds after which an unchanged state is sent again, so that a lost connection is noticed
_MAX_DELAY = 1800.0  # seconds: the longest stream delay that OBS allows


async def obs_feed(request: Request) -> Response:
    """`GET /api/channels/{channel}/obs`: one JSON object per line, for as long as the script is connected."""
    hub = services(request).hub
    outputs = services(request).outputs
    channel = hub.channel(request.path_params["channel"])
    wanted = _FeedRequest.of(request)
    page = await build_link(request, channel.name, "overlay") if services(request).authority.guarded else None
    translations = services(request).translations
    language = translations.language(channel, request.query_params.get("overlay_lang"))
    admission = services(request).admission
    admission.check_reader(request, channel)

    async def lines() -> AsyncIterator[bytes]:
        with (
            admission.reader(request, channel),
            outputs.script(channel) if wanted.captions else nullcontext(),
            outputs.captioner(channel, wanted.language if wanted.captions else None, wanted.delay) as captioner,
            translations.subscribe(channel, language) as track,
        ):
            feed = _Feed(hub, outputs, services(request).tickets, channel, wanted, captioner, track, page)
            async for event in feed.events():
                yield msgspec.json.encode(event) + b"\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@dataclass(frozen=True, slots=True)
class _FeedRequest:
    """What one script asks for."""

    start: Start  # the audio source that the script has
    captions: bool  # send closed captions, unless the service sends them itself
    overlay: bool  # send the text for a text source
    language: str | None  # of the closed captions
    delay: float  # seconds by which closed captions are delayed
    picture: float  # seconds by which the viewers' picture is late

    @staticmethod
    def of(request: Request) -> _FeedRequest:
        """Raises `BadRequest`, `UnsupportedFormat`."""
        query = request.query_params
        start = parse_start(request)
        check_format(start.format, start.rate, start.channels)
        language = query.get("captions_lang") or None
        try:
            delay, picture = float(query.get("delay", 0)), float(query.get("picture", 0))
        except ValueError:
            delay = picture = -1.0
        if not (0 <= delay <= _MAX_DELAY and 0 <= picture <= _MAX_DELAY):
            raise BadRequest(f"delay and picture must be seconds from 0 to {_MAX_DELAY:.0f}.")
        return _FeedRequest(
            start=start,
            captions=query.get("captions") == "1",
            overlay=query.get("overlay") == "1",
            language=None if language is None else check_writable(check_language(language)),
            delay=delay,
            picture=picture,
        )


ObsEvent = ObsScreen | ObsOverlay | ObsTicket | ObsState


@dataclass(slots=True)
class _Feed:
    """The feed of one connected script. ``page`` is the address of the overlay, if the script cannot make it."""

    hub: Hub
    outputs: Outputs
    tickets: Tickets
    channel: Channel
    wanted: _FeedRequest
    captioner: Captioner
    track: Track
    page: str | None
    overlay: str = ""  # the text that the script has
    ticket: str = ""  # the ticket that it has
    state: ObsState | None = None  # what it knows
    heartbeat: float = float("-inf")  # when its state is sent again although it has not changed

    async def events(self) -> AsyncIterator[ObsEvent]:
        """What the script is sent: at first all, then what has changed."""
        self.captioner.picture = self.wanted.picture
        following = asyncio.create_task(self.captioner.follow())
        changes = self.channel.changes
        try:
            while not following.done():
                seen = changes.count
                for event in self._news():
                    yield event
                await asyncio.sleep(_MIN_INTERVAL)
                await changes.wait(seen, self._deadline() - time.monotonic())
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    @property
    def _sends_screens(self) -> bool:
        return self.wanted.captions and not self.outputs.sends(self.channel)

    def _news(self) -> Iterator[ObsEvent]:
        if not self._sends_screens:
            self.captioner.reset()
        elif (screen := self.captioner.next()) is not None:
            self.captioner.mark_shown(screen)
            yield ObsScreen(event="screen", text=screen.text)
        if self.wanted.overlay and (text := screen_text(self.track)) != self.overlay:
            self.overlay = text
            yield ObsOverlay(event="overlay", text=text)
        source = self.hub.sources.find_resumable(self.channel, self.wanted.start.resume)
        if not self.tickets.is_valid(self.ticket) and (source is None or not source.lease.attached):
            self.ticket = self.tickets.issue(self.channel.name, self.wanted.start)
            yield ObsTicket(event="ticket", ticket=self.ticket)
        state = self._describe(source)
        if state != self.state or time.monotonic() >= self.heartbeat:
            self.state, self.heartbeat = state, time.monotonic() + _HEARTBEAT
            yield state

    def _describe(self, source: Source | None) -> ObsState:
        visible = self.channel.original.visible()
        state = ObsState(
            event="state",
            source=None if source is None else _describe_source(source),
            caption=visible[-1].full_text if visible else "",
            closed_captions="service"
            if self.outputs.sends(self.channel)
            else "script"
            if self._sends_screens
            else "off",
            refusal=self.captioner.refusal if self._sends_screens else "",
        )
        if self.page:
            state["page"] = self.page
        return state

    def _deadline(self) -> float:
        """When there may be news although nothing in the channel has changed, by `time.monotonic`."""
        screen = self.captioner.due() if self._sends_screens else self.heartbeat
        return min(self.heartbeat, screen, self.track.hides_at(), self.channel.original.hides_at())


def _describe_source(source: Source) -> ObsSource:
    return ObsSource(
        name=source.name,
        state=source.state,
        engine=source.engine,
        seconds=int(source.input.received),
        lag=round(source.stats.lag, 1),
    )
