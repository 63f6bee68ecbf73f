"""Corrections: what a person writes instead of what was recognized, and how it is remembered."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from surtitle.captions.caption import Caption
from surtitle.captions.edit import lessons
from surtitle.channels.channel import Channel
from surtitle.channels.hub import Hub
from surtitle.channels.settings import Changes, VocabularyChanges, clean_name, one_line
from surtitle.core.errors import BadRequest, TooLarge
from surtitle.store.database import StoreError
from surtitle.store.transcripts import Transcripts
from surtitle.web.channel_settings import body_of

log = logging.getLogger("surtitle.web")

_LONGEST = 1000  # characters of a caption


class Correction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is not said stays. ``remember`` makes replacements of what was corrected."""

    text: str | None = None
    speaker: str | None = None
    remember: bool = False


async def correct_caption(request: Request) -> Response:
    """`PATCH /api/channels/{channel}/captions/{id}`: overlays, readers and exports have it at once."""
    hub: Hub = request.app.state.hub
    channel = hub.channel(request.path_params["channel"])
    try:
        correction = msgspec.json.decode(await body_of(request), type=Correction)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f'A correction is JSON like {{"text":"What was said."}}: {error}.') from error
    text = None if correction.text is None else one_line(correction.text)
    if text is not None and len(text) > _LONGEST:
        raise TooLarge(f"A caption may have {_LONGEST} characters: shorten it.")
    speaker = None if correction.speaker is None else clean_name(correction.speaker)
    await channel.recall(request.path_params["id"])
    before = channel.correct(request.path_params["id"], text, speaker)
    if text is not None:
        await _note(request, channel, before)
    learnt = lessons(before, text) if correction.remember and text is not None else {}
    if learnt:
        _remember(hub, channel, learnt)
    return JSONResponse({"learnt": learnt})


async def _note(request: Request, channel: Channel, before: Caption) -> None:
    """Write down that a person has looked at this: a second pass will not change it."""
    transcripts: Transcripts | None = request.app.state.transcripts
    if transcripts is None or channel.session is None:
        return
    session, after = channel.session.id, channel.original.final(before.id)
    await request.app.state.journal_writer.flush()
    try:
        gone = replace(before, words=())
        await asyncio.to_thread(transcripts.correct, session, before, after or gone)
    except StoreError as error:
        log.error("%s: the correction of %s holds for now, but not for a second pass: %s", session, before.id, error)


def _remember(hub: Hub, channel: Channel, learnt: dict[str, str]) -> None:
    """Make replacements of it, in place of those for the same phrases."""
    again = {heard.casefold() for heard in learnt}
    before = channel.settings.vocabulary.replacements.items()
    kept = {heard: meant for heard, meant in before if heard.casefold() not in again}
    hub.change(channel.name, Changes(vocabulary=VocabularyChanges(replacements={**kept, **learnt})))
