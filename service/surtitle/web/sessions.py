"""Sessions over HTTP: listed, searched, read, heard, transcribed again, deleted."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from surtitle.captions.transcript import export, get_format, shifted
from surtitle.core.errors import BadRequest, NoSuchSession
from surtitle.recordings.difference import Difference
from surtitle.recordings.sessions import Sessions
from surtitle.store.records import LIVE, POLISHED
from surtitle.web.channel_settings import body_of
from surtitle.web.channels import look_of

_TYPES = {".flac": "audio/flac", ".opus": "audio/ogg"}
_QUERY = 200  # characters


async def list_sessions(request: Request) -> Response:
    """`GET /api/sessions?channel=&q=&before=`: the newest 100 that had begun before a time, or those with the words."""
    sessions: Sessions | None = request.app.state.sessions
    query = request.query_params
    if sessions is None:
        return JSONResponse({"sessions": []})
    channel = query.get("channel") or None
    if words := query.get("q", "").strip()[:_QUERY]:
        return JSONResponse({"sessions": await sessions.search(words, channel)})
    try:
        before = float(query["before"]) if query.get("before") else None
    except ValueError as error:
        raise BadRequest("before is a time in seconds since 1970.") from error
    return JSONResponse({"sessions": await sessions.list_newest(channel, before)})


async def session(request: Request) -> Response:
    """`GET /api/sessions/{id}`."""
    return JSONResponse(await _sessions(request).get(request.path_params["id"]))


async def delete_session(request: Request) -> Response:
    """`DELETE /api/sessions/{id}`: what was said and recorded, for good."""
    await _sessions(request).delete(request.path_params["id"])
    return JSONResponse({"status": "deleted"})


async def session_transcript(request: Request) -> Response:
    """`GET /api/sessions/{id}/transcript.{form}?version=&lang=&words=1&clock=audio`: the best version unless told."""
    sessions, query = _sessions(request), request.query_params
    form = get_format(request.path_params["form"])
    version = query.get("version") or None
    if version not in (None, LIVE, POLISHED):
        raise BadRequest(f"version is {LIVE} or {POLISHED}.")
    summary = await sessions.summary(request.path_params["id"])
    captions = await sessions.captions(summary, version, query.get("lang", ""))
    if query.get("clock") == "audio":
        captions = shifted(captions, -await sessions.audio_start(summary))
    text = export(captions, request.path_params["form"], look_of(request))
    return Response(text, media_type=form.media_type)


async def session_audio(request: Request) -> Response:
    """`GET /api/sessions/{id}/audio`: all that was recorded in one file, with ranges."""
    sessions = _sessions(request)
    summary = await sessions.summary(request.path_params["id"])
    path, start = await sessions.audio(summary)
    name = f"{summary.session.channel}-{summary.session.id}{path.suffix}"
    return FileResponse(
        path,
        media_type=_TYPES[path.suffix],
        headers={"content-disposition": f"inline; filename*=UTF-8''{quote(name)}", "x-surtitle-start": f"{start:.3f}"},
    )


async def session_recording(request: Request) -> Response:
    """`GET /api/sessions/{id}/recordings/{file}`: one source's own."""
    sessions = _sessions(request)
    path = await sessions.file(await sessions.summary(request.path_params["id"]), request.path_params["file"])
    return FileResponse(path, media_type=_TYPES[path.suffix])


async def session_difference(request: Request) -> Response:
    """`GET /api/sessions/{id}/difference`: what the second pass changed."""
    sessions = _sessions(request)
    summary = await sessions.summary(request.path_params["id"])
    if POLISHED not in summary.versions:
        raise NoSuchSession("This session has no second pass yet: make one first.")
    return JSONResponse(_difference(await sessions.difference(summary)))


async def polish_session(request: Request) -> Response:
    """`POST /api/sessions/{id}/polish`, perhaps with `{"model":"large-v3"}`: begin a second pass."""
    sessions = _sessions(request)
    try:
        wanted = msgspec.json.decode(await body_of(request) or b"{}", type=_Polish)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f'A second pass is asked for by {{"model":"large-v3"}} or by nothing: {error}.') from error
    await sessions.polish(request.path_params["id"], wanted.model)
    return JSONResponse(await sessions.get(request.path_params["id"]), status_code=202)


async def stop_polishing(request: Request) -> Response:
    """`DELETE /api/sessions/{id}/polish`: give it up; what was before stays."""
    sessions = _sessions(request)
    await sessions.retranscriber.stop(request.path_params["id"])
    return JSONResponse(await sessions.get(request.path_params["id"]))


class _Polish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: str | None = None


def _sessions(request: Request) -> Sessions:
    sessions: Sessions | None = request.app.state.sessions
    if sessions is None:
        raise NoSuchSession("This service keeps nothing on disk: start it with --data-dir to have sessions.")
    return sessions


def _difference(found: Difference) -> dict[str, Any]:
    return {
        "words": found.words,
        "new": found.added,
        "gone": found.removed,
        "lines": [
            {
                "start": round(line.start, 3),
                "voice": line.voice,
                "parts": [[part.kind, part.text] for part in line.parts],
            }
            for line in found.lines
        ],
    }
