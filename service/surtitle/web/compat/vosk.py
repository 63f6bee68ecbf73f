"""The protocol of the Vosk server: raw samples in, exactly one reply to each message.

The contract is that of alphacep/vosk-server. A reply says what is known at that moment, either the words of the
utterance so far or an utterance that has ended, because clients wait for it before they send more audio.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec
from starlette.responses import PlainTextResponse, Response
from starlette.websockets import WebSocket

from surtitle.captions.units import whole_words
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import BadRequest, SurtitleError
from surtitle.core.words import Word
from surtitle.vocabulary.rules import MAX_HOTWORDS, Vocabulary
from surtitle.web.compat.endpoint import find_channel, source_name
from surtitle.web.compat.live_source import AudioFormat, LiveRequest, LiveSource, open_live_source
from surtitle.web.compat.sockets import close_code, receive_message, send_json
from surtitle.web.compat.transcript import CaptionChange, SpeechEnded
from surtitle.web.services import services
from surtitle.web.sockets import accept, run_socket

NAME = "Vosk client"
"""The source's name, unless its address has another."""

_DEFAULT_RATE = 8000  # Hz, as the Vosk server assumes

Reply = dict[str, Any]


class Config(msgspec.Struct, frozen=True):
    """What a client configures before it sends audio. ``model`` is a path on the server's disk, and is ignored."""

    sample_rate: float | str = _DEFAULT_RATE
    words: bool | int = True
    max_alternatives: int = 0
    phrase_list: tuple[str, ...] = ()

    @property
    def audio(self) -> AudioFormat:
        """Raises `BadRequest`."""
        try:
            return AudioFormat("pcm16le", round(float(self.sample_rate)), 1)
        except (ValueError, OverflowError) as error:
            raise BadRequest(f"sample_rate: {self.sample_rate!r} is not a number: send Hz, like 16000.") from error

    @property
    def options(self) -> SourceOptions:
        """Raises `BadRequest`."""
        phrases = [phrase for phrase in self.phrase_list if phrase.strip() and phrase != "[unk]"]
        return SourceOptions(vocabulary=Vocabulary.parse("", phrases[:MAX_HOTWORDS], {}, ()))


class Results:
    """The words of a source as Vosk's results, one for each utterance."""

    def __init__(self, live: LiveSource, config: Config) -> None:
        self._live = live
        self._config = config
        self._words: list[Word] = []  # of the current utterance
        self._ended: deque[list[Word]] = deque()  # utterances that were not sent yet

    def next(self) -> Reply:
        """The oldest result that was not sent yet, or else the words of the current utterance."""
        self._take_changes()
        if self._ended:
            return self._result(self._ended.popleft())
        return {"partial": _text(whole_words((*self._words, *self._live.follower.tentative)))}

    def rest(self) -> Reply:
        """One result with all that was not sent yet."""
        self._take_changes()
        words = [*chain.from_iterable(self._ended), *self._words]
        self._ended.clear()
        self._words = []
        return self._result(words)

    def _take_changes(self) -> None:
        for change in self._live.take_changes():
            if isinstance(change, CaptionChange):
                self._words += change.words
            elif isinstance(change, SpeechEnded) and self._words:
                self._ended.append(self._words)
                self._words = []

    def _result(self, pieces: Sequence[Word]) -> Reply:
        words = whole_words(pieces)
        text = _text(words)
        if self._config.max_alternatives:
            confidence = round(sum(word.probability for word in words), 6)  # as Vosk: larger for more words
            alternative: Reply = {"confidence": confidence, "text": text}
            if self._config.words:
                alternative["result"] = [
                    {"start": round(word.start, 3), "end": round(word.end, 3), "word": word.text} for word in words
                ]
            return {"alternatives": [alternative]}
        if not self._config.words or not words:
            return {"text": text}
        return {"result": [_describe(word) for word in words], "text": text}


async def vosk_socket(websocket: WebSocket) -> None:
    """One source over Vosk's protocol."""
    await run_socket(websocket, _serve, _close)


def error_response(error: SurtitleError) -> Response:
    """The protocol has no errors, so this is for people who read logs."""
    return PlainTextResponse(error.message, error.status)


async def _serve(websocket: WebSocket) -> None:
    services(websocket).hub.check_room(find_channel(websocket))
    await accept(websocket)
    config, first = await _receive_config(websocket)
    if first is None:
        await send_json(websocket, {"text": ""})
        await websocket.close(1000)
        return
    request = LiveRequest(find_channel(websocket), source_name(websocket, NAME), config.audio, config.options)
    async with open_live_source(websocket, request) as live:
        await _transcribe(websocket, live, Results(live, config), first)


async def _transcribe(websocket: WebSocket, live: LiveSource, results: Results, message: bytes | str) -> None:
    """Answer each message, beginning with ``message``, until the end of the audio."""
    while True:
        if isinstance(message, bytes):
            await live.write(message)
            await send_json(websocket, results.next())
        elif "eof" in (command := _parse(message)):
            await live.finish()
            await send_json(websocket, results.rest())
            await websocket.close(1000)
            return
        elif "reset" in command:
            await live.flush()
            await send_json(websocket, results.rest())
        elif "config" not in command:
            await send_json(websocket, {"partial": ""})
        message = await live.receive(websocket)


async def _receive_config(websocket: WebSocket) -> tuple[Config, bytes | None]:
    """The configuration, and the first audio; None if the client ends without any. Raises `BadRequest`."""
    settings: dict[str, Any] = {}
    while True:
        message = await receive_message(websocket)
        if isinstance(message, bytes):
            return _decode_config(settings), message
        command = _parse(message)
        if "eof" in command:
            return Config(), None
        if "config" in command:
            settings |= command["config"] if isinstance(command["config"], dict) else {}
        else:
            await send_json(websocket, {"text": ""} if "reset" in command else {"partial": ""})


def _decode_config(settings: dict[str, Any]) -> Config:
    """Raises `BadRequest`."""
    phrases = settings.get("phrase_list")
    if isinstance(phrases, str):  # some clients send the list as JSON in a string
        settings = {**settings, "phrase_list": _parse_list(phrases)}
    try:
        return msgspec.convert(settings, Config, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The config is not valid: {error}.") from error


def _parse(message: str) -> dict[str, Any]:
    """A command; empty for what is not JSON, which the Vosk server ignores."""
    try:
        command = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return command if isinstance(command, dict) else {}


def _parse_list(text: str) -> list[str]:
    try:
        phrases = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [str(phrase) for phrase in phrases] if isinstance(phrases, list) else []


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _describe(word: Word) -> dict[str, Any]:
    return {
        "conf": round(word.probability, 6),
        "end": round(word.end, 3),
        "start": round(word.start, 3),
        "word": word.text,
    }


async def _close(websocket: WebSocket, error: SurtitleError) -> None:
    await websocket.close(close_code(error), error.message[:120])
