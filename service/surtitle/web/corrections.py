"""Corrections of captions over HTTP, and the replacements that are learned from them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from surtitle.captions.caption import Caption
from surtitle.captions.edit import derive_replacements
from surtitle.channels.channel import Channel
from surtitle.channels.hub import Hub
from surtitle.channels.settings import clean_name, to_one_line
from surtitle.core.errors import TooLarge
from surtitle.store.database import StoreError
from surtitle.web.body import read_json
from surtitle.web.services import services

log = logging.getLogger("surtitle.web")

_MAX_CAPTION_LENGTH = 1000  # characters of a caption


class Correction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fields that are missing stay as they are. ``remember`` adds the corrected phrases to the replacements."""

    text: str | None = None
    speaker: str | None = None
    remember: bool = False


class CorrectionResult(msgspec.Struct, frozen=True):
    """The response to a correction."""

    learnt: dict[str, str]
    """The replacements that were added: what was heard, and what to write instead."""


async def correct_caption(request: Request) -> Response:
    """`PATCH /api/channels/{channel}/captions/{id}`: overlays, readers and exports show the correction at once."""
    hub = services(request).hub
    channel = hub.channel(request.path_params["channel"])
    correction = await read_json(request, Correction, "A correction", '{"text":"What was said."}')
    text = None if correction.text is None else to_one_line(correction.text)
    if text is not None and len(text) > _MAX_CAPTION_LENGTH:
        raise TooLarge(f"A caption may have at most {_MAX_CAPTION_LENGTH} characters: shorten it.")
    speaker = None if correction.speaker is None else clean_name(correction.speaker)
    await channel.recall(request.path_params["id"])
    before = channel.correct(request.path_params["id"], text, speaker)
    if text is not None:
        await _record_correction(request, channel, before)
    learned = derive_replacements(before, text) if correction.remember and text is not None else {}
    if learned:
        _save_replacements(hub, channel, learned)
    return JSONResponse(msgspec.to_builtins(CorrectionResult(learnt=learned)))


async def _record_correction(request: Request, channel: Channel, before: Caption) -> None:
    """Store that a person corrected this caption: a second pass then leaves it alone."""
    transcripts, journal_writer = services(request).transcripts, services(request).journal_writer
    if transcripts is None or journal_writer is None or channel.session.current is None:
        return
    session, after = channel.session.current.id, channel.original.final(before.id)
    await journal_writer.flush()
    try:
        gone = replace(before, words=())
        await asyncio.to_thread(transcripts.correct, session, before, after or gone)
    except StoreError as error:
        log.error("%s: a second pass may undo the correction of %s, which was not saved: %s", session, before.id, error)


def _save_replacements(hub: Hub, channel: Channel, learned: dict[str, str]) -> None:
    """Add replacements to the channel's vocabulary, overriding those for the same phrases."""
    again = {heard.casefold() for heard in learned}
    before = channel.settings.vocabulary.replacements.items()
    kept = {heard: meant for heard, meant in before if heard.casefold() not in again}
    hub.change(channel.name, {"vocabulary": {"replacements": {**kept, **learned}}})
