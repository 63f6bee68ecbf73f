"""OpenAI's Realtime interface for translation: `WS /v1/realtime/translations`. There is text only, no voice.

What is said in the channel is translated as for readers of the channel, and the text of this client's source is sent.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict, deque
from contextlib import ExitStack

from starlette.websockets import WebSocket

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.channels.source_options import SourceOptions
from surtitle.channels.track import Track
from surtitle.core.errors import BadRequest, EngineError
from surtitle.core.words import Word
from surtitle.web.compat.endpoint import find_channel
from surtitle.web.compat.live_source import AudioFormat, LiveSource
from surtitle.web.compat.openai_connection import Connection, InvalidValue, Json, accept_client, close_with_error
from surtitle.web.compat.transcript import CaptionChange
from surtitle.web.services import services
from surtitle.web.sockets import run_socket

_RATE = 24_000  # Hz of the client's audio
_HEARTBEAT = 60.0
_LAST_WORDS_TIMEOUT = 15.0  # seconds for the translation of the last words
_LOOK = 0.2  # seconds between two looks for a problem
_REMEMBERED = 256  # captions
_MAX_AHEAD = 4  # captions that may be translated before an earlier one: the model may have skipped that
_LIFETIME = 86_400  # seconds; what a session is said to last


class OrderedText:
    """Makes append-only text of captions whose words are committed in any order. Pure."""

    def __init__(self) -> None:
        self._captions: OrderedDict[str, Caption] = OrderedDict()
        self._sent: dict[str, int] = {}  # words, by the ids of the latest captions
        self._begun = False

    def update(self, caption: Caption) -> tuple[str, float]:
        """Take a revision of a caption: the text that can be sent now, perhaps "", and when its last word ends."""
        if caption.id not in self._captions and caption.id in self._sent:
            return "", 0.0  # a correction of what was sent
        self._captions[caption.id] = caption
        text, end = "", 0.0
        while self._captions:
            key, first = next(iter(self._captions.items()))
            words = first.words[self._sent.get(key, 0) :]
            text += self._write(words)
            end = words[-1].end if words else end
            self._sent[key] = len(first.words)
            if not (first.final or not first.full_text or len(self._captions) > _MAX_AHEAD):
                break
            del self._captions[key]
        while len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]
        return text, end

    def _write(self, words: tuple[Word, ...]) -> str:
        text = "".join((" " if word.spaced else "") + word.text for word in words)
        if not self._begun:
            text = text.lstrip(" ")
        self._begun = self._begun or bool(text)
        return text


async def translation_socket(websocket: WebSocket) -> None:
    """One source over OpenAI's interface, and its translation."""
    await run_socket(websocket, _serve, close_with_error)


async def _serve(websocket: WebSocket) -> None:
    await accept_client(websocket)
    await _Translation(websocket).run()


class _Translation(Connection):
    append = "session.input_audio_buffer.append"
    end = "session.close"

    def __init__(self, websocket: WebSocket) -> None:
        super().__init__(websocket)
        self._translations = services(websocket).translations
        self._channel: Channel = services(websocket).hub.channel(find_channel(websocket))
        self._id = f"sess_{secrets.token_hex(10)}"
        self._expires = int(time.time()) + _LIFETIME
        self._language: str | None = None
        self._transcription: Json | None = None
        self._said = OrderedText()
        self._finals: deque[str] = deque(maxlen=_REMEMBERED)  # the ids of the source's latest final captions
        self._subscription = ExitStack()
        self._track: Track | None = None  # of the output's language
        self._number = 0  # of the last of its events that was sent
        self._translated = OrderedText()

    def describe_created(self) -> Json:
        return {"type": "session.created", "session": self._describe()}

    def source(self) -> tuple[AudioFormat, SourceOptions]:
        return AudioFormat("pcm16le", _RATE, 1), SourceOptions()

    async def run(self) -> None:
        with self._subscription:
            await super().run()

    async def finish(self, live: LiveSource | None) -> None:
        if live is not None:
            await live.finish()
            await self._send_said(live)
            await self._wait_for_translation(live)
        await self.send({"type": "session.closed"})
        await self._websocket.close(1000)

    async def handle(self, event: Json) -> None:
        if event["type"] != "session.update":
            raise InvalidValue(
                f"type: {event['type'][:60]!r} is not supported: send session.update, {self.append} or {self.end}."
            )
        await self._update(event)

    async def _update(self, event: Json) -> None:
        """Raises `BadRequest`, `TooMany`."""
        audio = _object(_object(event, "session"), "audio")
        given, output = _object(audio, "input"), _object(audio, "output")
        language = output.get("language", self._language)
        if not isinstance(language, str | None):
            raise BadRequest("session.audio.output.language: send a language code, like fr.")
        tag = self._translations.language(self._channel, language)
        if "transcription" in given:
            self._transcription = _object(given, "transcription") if given["transcription"] is not None else None
        if tag != self._language:
            self._subscribe(tag)
        await self.send({"type": "session.updated", "session": self._describe()})

    def _subscribe(self, language: str | None) -> None:
        """Follow the captions in this language from now on."""
        self._subscription.close()
        self._language, self._track, self._translated = language, None, OrderedText()
        if language is not None:
            self._track = self._subscription.enter_context(self._translations.subscribe(self._channel, language))
            self._number = self._track.feed.last

    async def send_changes(self, live: LiveSource) -> None:
        """Send what is said and its translation, until the source has ended."""
        while not live.ended:
            waiting = [asyncio.create_task(live.wait(_HEARTBEAT))]
            if self._track is not None:
                waiting.append(asyncio.create_task(self._track.feed.wait(self._number, _HEARTBEAT)))
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
            await self._send_said(live)
            await self._send_translated(live)

    async def _send_said(self, live: LiveSource) -> None:
        async with self._sending:
            for change in live.take_changes():
                if not isinstance(change, CaptionChange):
                    continue
                caption = change.caption
                if caption.final and caption.words and caption.id not in self._finals:
                    self._finals.append(caption.id)
                text, end = self._said.update(caption)
                if text and self._transcription is not None:
                    await self._send_delta("session.input_transcript.delta", text, end)

    async def _send_translated(self, live: LiveSource) -> None:
        async with self._sending:
            track, number = self._track, self._number
            if track is None:
                return
            for event in await track.since(number):
                self._number = max(self._number, event.number)
                if event.caption is None or event.caption.source != live.name:
                    continue
                text, end = self._translated.update(event.caption)
                if text:
                    await self._send_delta("session.output_transcript.delta", text, end - live.clock)

    async def _wait_for_translation(self, live: LiveSource) -> None:
        """Wait until what was said is translated and sent. Sends an error if it cannot be."""
        track, language = self._track, self._language
        if track is None or language is None:
            return
        problem = ""
        try:
            async with asyncio.timeout(_LAST_WORDS_TIMEOUT):
                while not problem and any(track.final(key) is None for key in self._finals):
                    await track.feed.wait(track.feed.last, _LOOK)
                    await self._send_translated(live)
                    problem = self._translations.problem(self._channel, language)
        except TimeoutError:
            problem = "The last words could not be translated in time: see the service's log."
        await self._send_translated(live)
        if problem:
            await self.send_error(EngineError(problem))

    async def _send_delta(self, kind: str, delta: str, seconds: float) -> None:
        await self.send_locked({"type": kind, "delta": delta, "elapsed_ms": max(0, round(seconds * 1000))})

    def _describe(self) -> Json:
        return {
            "id": self._id,
            "object": "realtime.translation_session",
            "type": "translation",
            "model": self._websocket.query_params.get("model", "")[:100] or "gpt-realtime-translate",
            "expires_at": self._expires,
            "audio": {
                "input": {"transcription": self._transcription, "noise_reduction": None},
                "output": {"language": self._language},
            },
        }


def _object(value: Json, name: str) -> Json:
    """Raises `BadRequest`."""
    found = value.get(name)
    if not isinstance(found, dict | None):
        raise BadRequest(f"{name}: send an object.")
    return found or {}
