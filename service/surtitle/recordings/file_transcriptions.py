"""Recognizes the files that clients send: one at a time, in a process of low priority, behind live captions."""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from surtitle.audio.mediafile import RawFormat
from surtitle.core.errors import EngineError, ShuttingDown, TooMany
from surtitle.core.metrics import Metrics
from surtitle.core.processes import LOW_PRIORITY, PROMPT, lower_priority, module_command
from surtitle.core.settings import Settings
from surtitle.core.words import Word
from surtitle.recordings.file_captions import WordRewriter
from surtitle.recordings.file_worker import Answer, Done, Failed, Request, Words, make_error
from surtitle.speech.engine import Hints
from surtitle.text.languages import AUTO
from surtitle.vocabulary.substituter import PhraseRules

log = logging.getLogger("surtitle.transcribe")

_COMMAND = tuple(module_command("surtitle.recordings.file_worker"))
_ANSWER_TIMEOUT = 600.0  # seconds without any progress after which the process is taken to hang
_END_TIMEOUT = 5.0  # seconds until a killed process has ended
_IDLE_TIMEOUT = 600.0  # seconds without a request after which the model is released
_ENDED = "The process that recognizes files ended or did not answer: send the file again."


@dataclass(frozen=True, slots=True)
class FileModel:
    """A model: its name, and its directory, which the built-in recognizer does not have."""

    name: str
    directory: Path | None = None


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How a file is recognized. ``language`` is a tag or "auto", ``candidates`` are those that may be detected.

    ``rules`` are the replacements and masks. With ``to_english``, the words are translated; with ``speakers``, each has
    its speaker. ``raw`` is the format of samples without a container.
    """

    model: FileModel
    language: str = AUTO
    candidates: tuple[str, ...] = ()
    hints: Hints = field(default_factory=Hints)
    rules: Sequence[PhraseRules] = ()
    to_english: bool = False
    speakers: bool = False
    raw: RawFormat | None = None


@dataclass(frozen=True, slots=True)
class Recognized:
    """New words, all in one language, in seconds from the beginning of the file.

    ``duration`` is that of the whole file in the last item, and None in all others.
    """

    language: str
    words: tuple[Word, ...]
    duration: float | None = None


class FileTranscriptions:
    """Owns the process and the queue for it.

    A request reserves a place by `reserve` before its file is received, so that refusing it costs nothing.
    """

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        command: Sequence[str] = _COMMAND,
        answer_timeout: float = _ANSWER_TIMEOUT,
        idle_timeout: float = _IDLE_TIMEOUT,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._command = command
        self._answer_timeout = answer_timeout
        self._idle_timeout = idle_timeout
        self._turn = asyncio.Lock()
        self._reserved = 0
        self._process: asyncio.subprocess.Process | None = None
        self._releasing: asyncio.Task[None] | None = None
        self._stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def waiting(self) -> int:
        """Files that are received, wait, or are recognized."""
        return self._reserved

    @property
    def full(self) -> bool:
        """Whether there is no place for another file."""
        return self._reserved >= self._settings.limits.file_requests

    @property
    def running(self) -> bool:
        """Whether a file is being recognized."""
        return self._turn.locked()

    @property
    def loaded(self) -> bool:
        """Whether the process runs, which holds a model."""
        return self._process is not None

    @contextmanager
    def reserve(self) -> Iterator[None]:
        """Reserve a place in the queue for as long as the block runs. Raises `TooMany`, `ShuttingDown`."""
        self._check_running()
        if self.full:
            limit = self._settings.limits.file_requests
            raise TooMany(f"{limit} files already wait to be recognized: send this one again later.")
        self._reserved += 1
        try:
            yield
        finally:
            self._reserved -= 1

    async def transcribe(self, path: Path, options: FileOptions) -> AsyncGenerator[Recognized]:
        """Recognize a file when its turn comes; words are yielded as they are recognized.

        Close the iterator, or cancel the task, to stop the work at once. Raises `BadAudio`, `BadRequest`,
        `EngineError`, `ShuttingDown`.
        """
        async with self._turn:
            self._check_running()
            self._cancel_release()
            started, result = time.monotonic(), "stopped"
            try:
                async with aclosing(self._rewrite(path, options)) as answers:
                    async for answer in answers:
                        if answer.duration is not None:
                            result = "done"
                            self._metrics.count_file(result, answer.duration, time.monotonic() - started)
                        yield answer
            except Exception:
                result = "failed"
                raise
            finally:
                if result != "done":
                    self._metrics.count_file(result, 0.0, time.monotonic() - started)
                if self._process is not None:
                    self._releasing = asyncio.create_task(self._release_when_idle(), name="release file model")

    def stop(self) -> None:
        """Refuse all requests, because the service is about to stop; the one that is running fails."""
        if not self._stopped.done():
            self._stopped.set_result(None)
        self._kill()

    async def close(self) -> None:
        self.stop()
        self._cancel_release()
        await self._end_process()

    async def _rewrite(self, path: Path, options: FileOptions) -> AsyncGenerator[Recognized]:
        """The words after the vocabulary's substitutions."""
        rewriter = WordRewriter(options.rules)
        language = options.language
        async with aclosing(self._run(self._make_request(path, options))) as answers:
            async for answer in answers:
                if isinstance(answer, Words):
                    if answer.language != language and (rest := rewriter.flush()):
                        yield Recognized(language, tuple(rest))
                    language = answer.language
                    if words := rewriter.add(answer.words):
                        yield Recognized(language, tuple(words))
                elif isinstance(answer, Done):
                    yield Recognized(answer.language, tuple(rewriter.flush()), answer.duration)

    def _make_request(self, path: Path, options: FileOptions) -> Request:
        return Request(
            path=str(path),
            model=options.model.name,
            directory=str(options.model.directory or ""),
            language=options.language,
            candidates=options.candidates,
            prompt=options.hints.prompt,
            hotwords=options.hints.hotwords,
            to_english=options.to_english,
            speaker_model=self._settings.speaker_model if options.speakers else "",
            raw=options.raw,
            max_length=self._settings.limits.file_length,
        )

    async def _run(self, request: Request) -> AsyncGenerator[Answer]:
        """The process's answers. If anything happens before the last one, the process is ended."""
        complete = False
        try:
            process = await self._get_process()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(_pack(request))
            async with asyncio.timeout(self._answer_timeout):
                await process.stdin.drain()
            while not complete:
                answer = await self._receive(process.stdout)
                if isinstance(answer, Failed):
                    error = make_error(answer)
                    complete = not isinstance(error, EngineError)
                    raise error
                complete = isinstance(answer, Done)
                yield answer
        except (asyncio.IncompleteReadError, OSError, TimeoutError, msgspec.MsgspecError) as error:
            log.error("the process that recognizes files ended or did not answer (%s)", type(error).__name__)
            raise EngineError(_ENDED) from error
        finally:
            if not complete:
                await self._end_process()

    async def _receive(self, stream: asyncio.StreamReader) -> Answer:
        """The next answer. Raises TimeoutError, `ShuttingDown`, and the errors of `_read_answer`."""
        reading = asyncio.create_task(_read_answer(stream))
        try:
            waiting: set[asyncio.Future[Any]] = {reading, self._stopped}
            await asyncio.wait(waiting, timeout=self._answer_timeout, return_when=asyncio.FIRST_COMPLETED)
            self._check_running()
            if not reading.done():
                raise TimeoutError
            return reading.result()
        finally:
            reading.cancel()
            await asyncio.wait({reading})

    async def _get_process(self) -> asyncio.subprocess.Process:
        """The running process, or a new one. Raises OSError."""
        if self._process is not None and self._process.returncode is not None:
            await self._end_process()
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                creationflags=LOW_PRIORITY,
            )
            lower_priority(self._process.pid, PROMPT)
        return self._process

    async def _end_process(self) -> None:
        self._kill()
        process, self._process = self._process, None
        if process is not None:
            with suppress(TimeoutError):  # on a busy computer, its end takes a moment that nobody needs to wait for
                await asyncio.wait_for(process.wait(), _END_TIMEOUT)

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _release_when_idle(self) -> None:
        await asyncio.sleep(self._idle_timeout)
        async with self._turn:
            self._releasing = None  # a request that comes now waits for its turn
            await self._end_process()

    def _cancel_release(self) -> None:
        if self._releasing is not None:
            self._releasing.cancel()
            self._releasing = None

    def _check_running(self) -> None:
        if self._stopped.done():
            raise ShuttingDown("The service is stopping: send the file again in a moment.")


def _pack(value: object) -> bytes:
    data = msgspec.msgpack.encode(value)
    return struct.pack("<I", len(data)) + data


async def _read_answer(stream: asyncio.StreamReader) -> Answer:
    (length,) = struct.unpack("<I", await stream.readexactly(4))
    answer: Answer = msgspec.msgpack.decode(await stream.readexactly(length), type=Answer)
    return answer
