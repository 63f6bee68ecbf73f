"""Sessions over HTTP: lists, search, transcripts, audio, the second pass, and deletion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Annotated
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from surtitle.captions.fit import fit_captions
from surtitle.captions.transcript import export, get_format
from surtitle.core.errors import BadRequest, NoSuchSession
from surtitle.core.wire.sessions import DifferenceLine, SessionDifference
from surtitle.recordings.difference import Difference
from surtitle.recordings.sessions import Sessions, StoredFile
from surtitle.store.records import LIVE, POLISHED
from surtitle.web.body import read_json
from surtitle.web.channels import parse_export_options
from surtitle.web.services import services
from surtitle.web.stored_file import stored_file_response

_MEDIA_TYPES = {".flac": "audio/flac", ".opus": "audio/ogg"}
_CLOCKS = ("", "audio", "obs")
_MAX_QUERY_LENGTH = 200  # characters of a search; the rest is ignored


async def list_sessions(request: Request) -> Response:
    """`GET /api/sessions?channel=&q=&before=`: the newest 100 that began before a time, or search results."""
    sessions = services(request).sessions
    query = request.query_params
    if sessions is None:
        return JSONResponse({"sessions": []})
    channel = query.get("channel") or None
    if words := query.get("q", "").strip()[:_MAX_QUERY_LENGTH]:
        return JSONResponse({"sessions": await sessions.search(words, channel)})
    try:
        before = float(query["before"]) if query.get("before") else None
    except ValueError as error:
        raise BadRequest("before must be a time in seconds since 1970.") from error
    return JSONResponse({"sessions": await sessions.list_newest(channel, before)})


async def session(request: Request) -> Response:
    """`GET /api/sessions/{id}`."""
    return JSONResponse(await _get_sessions(request).get(request.path_params["id"]))


async def rename_speakers(request: Request) -> Response:
    """`PATCH /api/sessions/{id}` with `{"names":{"Speaker 1":"Ada"}}`: show other names for speakers."""
    sessions = _get_sessions(request)
    wanted = await read_json(request, _SessionChange, "A change of a session", '{"names":{"Speaker 1":"Ada"}}')
    await sessions.rename(request.path_params["id"], wanted.names)
    return JSONResponse(await sessions.get(request.path_params["id"]))


async def delete_session(request: Request) -> Response:
    """`DELETE /api/sessions/{id}`: delete the transcript and the recordings permanently."""
    await _get_sessions(request).delete(request.path_params["id"])
    return JSONResponse({"status": "deleted"})


async def session_transcript(request: Request) -> Response:
    """`GET /api/sessions/{id}/transcript.{form}?version=&lang=&words=1&offset=&clock=&recording=`: by default the best.

    ``clock`` is ``audio`` for times in the session's audio, or ``obs`` for times in a recording that OBS made.
    """
    sessions, query = _get_sessions(request), request.query_params
    form = get_format(request.path_params["form"])
    version = query.get("version") or None
    if version not in (None, LIVE, POLISHED):
        raise BadRequest(f"version must be {LIVE} or {POLISHED}.")
    options = parse_export_options(request)
    clock = query.get("clock", "")
    if clock not in _CLOCKS:
        raise BadRequest("clock must be audio or obs, or left out for times in the session.")
    if (number := query.get("recording", "")) and not number.isdecimal():
        raise BadRequest("recording must be the number of one of the session's obs_recordings.")
    summary = await sessions.summary(request.path_params["id"])
    captions = await sessions.captions(summary, version, query.get("lang", ""))
    if clock == "audio":
        options = replace(options, offset=options.offset - await sessions.audio_start(summary))
    elif clock == "obs":
        recording = await sessions.obs_recording(summary, int(number) if number else None)
        captions = fit_captions(captions, recording.pieces)
    text = export(captions, request.path_params["form"], options)
    return Response(text, media_type=form.media_type)


async def session_audio(request: Request) -> Response:
    """`GET /api/sessions/{id}/audio`: all recordings mixed into one file; byte ranges are supported."""
    sessions = _get_sessions(request)
    summary = await sessions.summary(request.path_params["id"])
    file, start = await sessions.audio(summary)
    name = f"{summary.session.channel}-{summary.session.id}{_suffix(file)}"
    headers = {"content-disposition": f"inline; filename*=UTF-8''{quote(name)}", "x-surtitle-start": f"{start:.3f}"}
    return await _respond(request, file, headers)


async def session_recording(request: Request) -> Response:
    """`GET /api/sessions/{id}/recordings/{file}`: the recording of one source."""
    sessions = _get_sessions(request)
    file = await sessions.file(await sessions.summary(request.path_params["id"]), request.path_params["file"])
    return await _respond(request, file, {})


async def session_difference(request: Request) -> Response:
    """`GET /api/sessions/{id}/difference`: the changes made by the second pass."""
    sessions = _get_sessions(request)
    summary = await sessions.summary(request.path_params["id"])
    if POLISHED not in summary.versions:
        raise NoSuchSession("This session has no second pass yet: start one first.")
    return JSONResponse(_difference_as_json(await sessions.difference(summary)))


async def polish_session(request: Request) -> Response:
    """`POST /api/sessions/{id}/polish`, optionally with `{"model":"large-v3"}`: start a second pass."""
    sessions = _get_sessions(request)
    example = '{"model":"large-v3"}'
    wanted = await read_json(request, _PolishRequest, "A second-pass request", example, empty=_PolishRequest())
    await sessions.polish(request.path_params["id"], wanted.model)
    return JSONResponse(await sessions.get(request.path_params["id"]), status_code=202)


async def stop_polishing(request: Request) -> Response:
    """`DELETE /api/sessions/{id}/polish`: cancel the second pass; earlier versions stay."""
    sessions = _get_sessions(request)
    await sessions.retranscriber.stop(request.path_params["id"])
    return JSONResponse(await sessions.get(request.path_params["id"]))


class _SessionChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    names: Annotated[dict[str, str], msgspec.Meta(max_length=100)]


class _PolishRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: str | None = None


def _get_sessions(request: Request) -> Sessions:
    sessions = services(request).sessions
    if sessions is None:
        raise NoSuchSession("This service stores no sessions: start it with --data-dir to keep them on disk.")
    return sessions


async def _respond(request: Request, file: Path | StoredFile, headers: dict[str, str]) -> Response:
    """A file, or the part of it that the request asks for. Raises `StorageError`."""
    media_type = _MEDIA_TYPES[_suffix(file)]
    if isinstance(file, Path):
        return FileResponse(file, media_type=media_type, headers=headers)
    return await stored_file_response(request, file, media_type, headers)


def _suffix(file: Path | StoredFile) -> str:
    return file.suffix if isinstance(file, Path) else PurePosixPath(file.key).suffix


def _difference_as_json(found: Difference) -> SessionDifference:
    return SessionDifference(
        words=found.words,
        new=found.added,
        gone=found.removed,
        lines=[
            DifferenceLine(
                start=round(line.start, 3),
                voice=line.voice,
                parts=[(part.kind, part.text) for part in line.parts],
            )
            for line in found.lines
        ],
    )
