"""The process that recognizes clients' files: `python -m surtitle.recordings.file_worker`.

It reads `Request`s on standard input and writes `Answer`s to standard output, as frames of `surtitle.core.processes`.
The answers to a request end with `Done` or `Failed`. The model stays loaded for the next request. The process ends at
once when standard input does, whatever it is doing, so none is left behind by a service that was killed.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from queue import SimpleQueue

import msgspec

from surtitle.audio import RATE, Samples
from surtitle.audio.mediafile import RawFormat, read_upload
from surtitle.core import logs
from surtitle.core.errors import BadAudio, BadRequest, EngineError, ModelError, SurtitleError
from surtitle.core.processes import read_frame, write_frame
from surtitle.core.words import Word
from surtitle.models.catalogue import plain_name
from surtitle.recordings.file_captions import assign_speaker
from surtitle.recordings.transcriber import EngineTranscriber, PipelineTranscriber, Transcriber, WhisperTranscriber
from surtitle.speakers.recorded import speakers as diarize
from surtitle.speakers.timeline import SpeakerNumbering, Timeline
from surtitle.speech.engine import Hints
from surtitle.speech.kinds import DEFAULT, find_model, split_name
from surtitle.text.languages import AUTO, recognizer_code, unknown_language

log = logging.getLogger("surtitle.transcribe")

_HEARTBEAT = 1.0  # seconds between two reports of progress


class Request(msgspec.Struct, frozen=True):
    """A file to recognize.

    ``model`` is its name and ``directory`` where it is; empty for a recognizer without files. ``candidates`` are the
    languages that may be detected, ``speaker_model`` tells speakers apart if it is not empty.
    """

    path: str
    model: str
    directory: str = ""
    language: str = AUTO
    candidates: tuple[str, ...] = ()
    prompt: str = ""
    hotwords: tuple[str, ...] = ()
    to_english: bool = False
    speaker_model: str = ""
    raw: RawFormat | None = None
    max_length: float = 86_400.0
    """Seconds that the file's audio may last."""


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """The process is at work: ``read`` seconds are read."""

    read: float


class Words(msgspec.Struct, frozen=True, tag="words"):
    """New words in ``language``; everything up to ``until`` seconds is recognized."""

    until: float
    language: str
    words: tuple[Word, ...]


class Done(msgspec.Struct, frozen=True, tag="done"):
    """Everything is recognized: ``duration`` seconds, in which ``language`` was spoken at last."""

    duration: float
    language: str


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The request failed; ``code`` is that of the error."""

    code: str
    message: str


Answer = Progress | Words | Done | Failed


class FileWorker:
    """Answers one request after the other by ``send``, and keeps the model of the last one."""

    def __init__(self, send: Callable[[Answer], None]) -> None:
        self._send = send
        self._transcriber: Transcriber | None = None
        self._loaded: tuple[str, str] | None = None  # the model and its directory
        self._read = 0  # samples of the current file

    def answer(self, request: Request) -> None:
        """Recognize a file and send what is found; errors are sent, too."""
        try:
            self._answer(request)
        except SurtitleError as error:
            self._send(Failed(error.code, error.message))
        except Exception:
            log.exception("a file could not be recognized")
            self._send(Failed(EngineError.code, "Recognizing the file failed: see the service's log."))

    def _answer(self, request: Request) -> None:
        self._read = 0
        blocks = self._count(read_upload(request.path, request.raw), request.max_length)
        first = next(blocks, None)
        if first is None:
            raise BadAudio("There is no audio in the file: send one that has sound.")
        transcriber = self._open(request)
        timeline = self._diarize(request)
        label = SpeakerNumbering().of("")
        with closing(transcriber.words(chain([first], blocks))) as results:
            for until, found in results:
                words = tuple(assign_speaker(word, timeline, label) for word in found)
                self._send(Words(until, transcriber.language, words))
        self._send(Done(self._read / RATE, transcriber.language))

    def _count(self, blocks: Iterable[Samples], max_length: float) -> Iterator[Samples]:
        """The same blocks, with reports of progress. Raises `BadRequest` if they are too long."""
        reported = time.monotonic()
        for block in blocks:
            self._read += len(block)
            if self._read > max_length * RATE:
                raise BadRequest(f"The file has more than {max_length:g} s of audio: divide it.")
            if time.monotonic() - reported > _HEARTBEAT:
                reported = time.monotonic()
                self._send(Progress(self._read / RATE))
            yield block

    def _open(self, request: Request) -> Transcriber:
        """The transcriber, with the model that is loaded already if it is the right one."""
        wanted, name = (request.model, request.directory), plain_name(request.model)
        if self._loaded != wanted or self._transcriber is None:
            if self._transcriber is not None:
                self._transcriber.close()
            self._transcriber = self._loaded = None
            self._transcriber = PipelineTranscriber() if request.model == PipelineTranscriber.name else _load(request)
            self._loaded = wanted
        transcriber = self._transcriber
        assert isinstance(transcriber, WhisperTranscriber | EngineTranscriber)
        if recognizer_code(request.language, transcriber.languages) is None:
            raise BadRequest(unknown_language(request.language, name, transcriber.languages, detected=False))
        hints = Hints(request.prompt, request.hotwords)
        if isinstance(transcriber, WhisperTranscriber):
            if request.to_english and not transcriber.translates:
                raise BadRequest(
                    f"The model {name} cannot translate: choose a multilingual one other than large-v3-turbo."
                )
            known = [recognizer_code(language, transcriber.languages) for language in request.candidates]
            candidates = [code for code in known if code is not None]
            transcriber.configure(request.language, hints, candidates, to_english=request.to_english)
        elif request.to_english:
            raise BadRequest(f"The recognizer {name} cannot translate: choose a multilingual Whisper model.")
        else:
            transcriber.configure(request.language, hints)
        return transcriber

    def _diarize(self, request: Request) -> Timeline | None:
        if not request.speaker_model:
            return None
        blocks = read_upload(request.path, request.raw)
        return diarize(blocks, request.speaker_model, lambda done: self._send(Progress(done)))


def _load(request: Request) -> WhisperTranscriber | EngineTranscriber:
    """Load a request's model. Raises `ModelError`, whose message names no directory."""
    try:
        if split_name(request.model)[0] != DEFAULT:
            directory = Path(request.directory) if request.directory else None
            return EngineTranscriber(find_model(request.model).load(directory), request.model)
        return WhisperTranscriber(Path(request.directory), request.model)
    except ModelError as error:
        log.error("%s", error)
        raise ModelError(f"The model {plain_name(request.model)} cannot be loaded: see the service's log.") from error


def make_error(failed: Failed) -> SurtitleError:
    """The error that a worker has sent."""
    kinds: tuple[type[SurtitleError], ...] = (BadAudio, BadRequest, ModelError)
    return next((kind for kind in kinds if kind.code == failed.code), EngineError)(failed.message)


def main() -> None:
    """Answer requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service to handle
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the frames
    logs.configure(verbose=False)
    requests: SimpleQueue[Request] = SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    worker = FileWorker(lambda answer: write_frame(answers, answer))
    while True:
        worker.answer(requests.get())


def _read_requests(requests: SimpleQueue[Request]) -> None:
    try:
        while True:
            requests.put(msgspec.convert(read_frame(sys.stdin.buffer), Request))
    except EOFError:
        os._exit(0)  # threads of a running recognition would delay the end


if __name__ == "__main__":
    main()
