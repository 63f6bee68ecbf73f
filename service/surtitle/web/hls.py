"""Captions as WebVTT beside a video's HLS."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from surtitle.bus.stored_tracks import DatabaseTrack
from surtitle.channels.channel import Channel
from surtitle.core.errors import BadRequest, NoSuchSegment
from surtitle.outputs.hls import AROUND, SEGMENT, available_segments, write_playlist, write_segment
from surtitle.web.services import services

_MAX_DIGITS = 15  # of a segment's number: with thousands, Python fails
_MAX_AGE = int(10 * SEGMENT)  # seconds for which a segment may be cached


async def playlist(request: Request) -> Response:
    """`GET /api/channels/{channel}/hls/{lang}/playlist.m3u8`: with ``?mpegts=``, the video's time at clock 0."""
    _get_mpegts(request)
    channel, stored = await _find(request)
    if stored is None:
        await services(request).track_readers.read(channel, request.path_params["lang"])
    clock = await _get_clock(channel, stored)
    text = write_playlist(available_segments(clock), time.time() - clock, request.url.query)
    return Response(
        text, media_type="application/vnd.apple.mpegurl", headers={"cache-control": "no-cache", **_cors(request)}
    )


async def segment(request: Request) -> Response:
    """`GET /api/channels/{channel}/hls/{lang}/seg{number}.vtt`: the captions of six seconds."""
    channel, stored = await _find(request)
    digits = request.path_params["number"]
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS else -1
    if number not in available_segments(await _get_clock(channel, stored)):
        raise NoSuchSegment("This segment is not in the playlist any more, or not yet: load the playlist again.")
    if stored is None:
        captions = (await services(request).track_readers.read(channel, request.path_params["lang"])).captions
    else:
        begin = number * SEGMENT
        captions = await stored.captions_between(begin - 2 * AROUND, begin + SEGMENT + AROUND)
    text = write_segment(number, captions, _get_mpegts(request))
    headers = {"cache-control": f"private, max-age={_MAX_AGE}", **_cors(request)}
    return Response(text, media_type="text/vtt; charset=utf-8", headers=headers)


async def _find(request: Request) -> tuple[Channel, DatabaseTrack | None]:
    """The channel, and its track in the database if another service captions it. Raises `SurtitleError`."""
    channel = services(request).hub.channel_to_read(request.path_params["channel"])
    if (bus := services(request).bus) is None:
        return channel, None
    language = await services(request).translations.find_language(channel, request.path_params["lang"])
    return channel, await bus.stored_track(channel, language)


async def _get_clock(channel: Channel, stored: DatabaseTrack | None) -> float:
    """The channel's clock, which is not started by looking at it."""
    if stored is not None:
        began = await stored.began()
        return 0.0 if began is None else max(0.0, time.time() - began)
    return channel.session.clock() if channel.session.current is not None else 0.0


def _get_mpegts(request: Request) -> int:
    """Raises `BadRequest`."""
    text = request.query_params.get("mpegts", "0")
    if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) < 16):
        raise BadRequest("mpegts: send the video's time stamp, in 90000ths of a second, at the channel's clock 0.")
    return int(text)


def _cors(request: Request) -> dict[str, str]:
    """Let a player's page of an allowed origin read the answer; others were refused before."""
    origin = request.headers.get("origin")
    return {"access-control-allow-origin": origin, "vary": "origin"} if origin else {}
