"""Captions as WebVTT beside a video's HLS."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from surtitle.channels.channel import Channel
from surtitle.core.errors import BadRequest, NoSuchSegment
from surtitle.outputs.hls import SEGMENT, available_segments, write_playlist, write_segment
from surtitle.web.services import services

_MAX_AGE = int(10 * SEGMENT)  # seconds for which a segment may be cached


async def playlist(request: Request) -> Response:
    """`GET /api/channels/{channel}/hls/{lang}/playlist.m3u8`: with ``?mpegts=``, the video's time at clock 0."""
    _get_mpegts(request)
    channel = services(request).hub.channel_to_read(request.path_params["channel"])
    await services(request).track_readers.read(channel, request.path_params["lang"])
    text = write_playlist(_get_segments(channel), time.time() - _get_clock(channel), request.url.query)
    return Response(
        text, media_type="application/vnd.apple.mpegurl", headers={"cache-control": "no-cache", **_cors(request)}
    )


async def segment(request: Request) -> Response:
    """`GET /api/channels/{channel}/hls/{lang}/seg{number}.vtt`: the captions of six seconds."""
    channel = services(request).hub.channel_to_read(request.path_params["channel"])
    track = await services(request).track_readers.read(channel, request.path_params["lang"])
    number: int = request.path_params["number"]
    if number not in _get_segments(channel):
        raise NoSuchSegment("This segment is not in the playlist any more, or not yet: load the playlist again.")
    text = write_segment(number, track.captions, _get_mpegts(request))
    headers = {"cache-control": f"private, max-age={_MAX_AGE}", **_cors(request)}
    return Response(text, media_type="text/vtt; charset=utf-8", headers=headers)


def _get_segments(channel: Channel) -> range:
    return available_segments(_get_clock(channel))


def _get_clock(channel: Channel) -> float:
    """The channel's clock, which is not started by looking at it."""
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
