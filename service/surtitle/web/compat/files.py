"""What the protocols for files share: models by their names, the channel's settings, and the recognized text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, HTTPConnection, Request

from surtitle.captions.caption import Caption
from surtitle.captions.units import whole_words
from surtitle.channels.channel import check_name
from surtitle.channels.settings import ChannelSettings, check_language
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import ModelError
from surtitle.core.words import TOGETHER, Word, join
from surtitle.models import catalogue
from surtitle.models.catalogue import plain_name
from surtitle.models.engines import BUILT_IN
from surtitle.recordings.file_captions import build_file_captions
from surtitle.recordings.file_transcriptions import FileModel, FileOptions, Recognized
from surtitle.speech import kinds
from surtitle.speech.whisper.kind import WHISPER
from surtitle.web.compat.endpoint import find_channel
from surtitle.web.services import services
from surtitle.web.uploads import Upload

T = TypeVar("T")

SOURCE = "file"
"""The source of the captions of files."""


@dataclass(slots=True)
class FileTranscript:
    """What is recognized in a file: words, each with its language, in order of time, and the seconds of the file."""

    words: list[tuple[str, Word]] = field(default_factory=list)
    language: str = "en"
    duration: float = 0.0

    def add(self, recognized: Recognized) -> None:
        self.words += [(recognized.language, word) for word in recognized.words]
        self.language = recognized.language
        self.duration = recognized.duration or self.duration

    @property
    def text(self) -> str:
        return join(word for _, word in self.words)

    @property
    def whole_words(self) -> list[Word]:
        """The words with the punctuation that belongs to them."""
        return whole_words([word for _, word in self.words])

    async def captions(self) -> list[Caption]:
        """All captions, which takes a moment for hours of speech."""
        return await asyncio.to_thread(build_file_captions, SOURCE, self.words)


def main_speaker(word: Word) -> str | None:
    """The speaker of a word; the first of several who speak at the same time."""
    return word.speaker.split(TOGETHER)[0] if word.speaker else None


@asynccontextmanager
async def reserve(request: Request) -> AsyncIterator[None]:
    """Reserve a place for a file, before it is received, for as long as the block runs.

    If all are taken, a file that has stopped arriving loses its own. Raises `TooMany`, `ShuttingDown`.
    """
    admission, files = services(request).admission, services(request).file_transcriptions
    if files.full:
        await services(request).uploads.end_stalled()
    with files.reserve(), admission.file(request):
        admission.check_start(request)
        yield


async def find_model(connection: HTTPConnection, name: str | None) -> FileModel | None:
    """The model of that name if it is on this computer, or else None; the channel's or the service's for no name.

    A name is one that `list_models` returns: directories are for the operator to choose. Raises `ModelError`.
    """
    if name is None:
        return await _find_own_model(connection)
    own = await _find_own_model(connection)
    if name == plain_name(own.name):
        return own
    return await asyncio.to_thread(_find_listed, name)


async def list_models(connection: HTTPConnection) -> list[str]:
    """The names of the models on this computer, the channel's or the service's first. Raises `ModelError`."""
    own = plain_name((await _find_own_model(connection)).name)
    listed = await asyncio.to_thread(catalogue.catalogue)
    return list(dict.fromkeys([own, *(model.name for model in listed if model.complete)]))


async def _find_own_model(connection: HTTPConnection) -> FileModel:
    name = _channel_settings(connection).model
    if name is None:
        engine = await services(connection).engines.current()
        name = BUILT_IN if engine.name == BUILT_IN else engine.model
    if name == BUILT_IN:
        return FileModel(BUILT_IN)
    model = await asyncio.to_thread(kinds.find_model, name)
    directory = await asyncio.to_thread(model.on_disk)
    if directory is None and model.kind.files is not None:
        raise ModelError(
            f"The model {plain_name(name)} is not on this computer yet: try again later, or choose another one."
        )
    return FileModel(name, directory)


def _find_listed(name: str) -> FileModel | None:
    for model in catalogue.catalogue():
        if model.complete and name.casefold() in (model.name.casefold(), model.repository.casefold()):
            return FileModel(model.name, WHISPER.find_cached(model.name))
    return None


def _channel_settings(connection: HTTPConnection) -> ChannelSettings:
    channel = services(connection).hub.find_channel(check_name(find_channel(connection)))
    return channel.settings if channel else ChannelSettings()


def make_options(connection: HTTPConnection, model: FileModel, options: SourceOptions, **more: Any) -> FileOptions:
    """What a client asks for together with its channel's settings; ``more`` are other fields of `FileOptions`.

    Raises `BadRequest`.
    """
    settings = _channel_settings(connection)
    language = options.language or settings.language or services(connection).settings.language
    return FileOptions(
        model,
        language=check_language(language),
        hints=options.hints(settings),
        rules=options.rules(settings),
        **more,
    )


@asynccontextmanager
async def recognize(
    request: Request, upload: Upload, options: FileOptions
) -> AsyncIterator[AsyncGenerator[Recognized]]:
    """Recognize a file for as long as the block runs: its words as they come.

    The block gets them after the first of them, so that an error until then can still be answered. Raises the errors of
    `FileTranscriptions.transcribe`, and `ClientDisconnect`.
    """
    async with aclosing(services(request).file_transcriptions.transcribe(upload.path, options)) as items:
        first = await until_disconnect(request, _next(items))
        async with aclosing(_continue(first, items)) as all_items:
            yield all_items


async def recognize_all(request: Request, upload: Upload, options: FileOptions) -> FileTranscript:
    """The complete transcript of a file. Raises as `recognize`."""

    async def collect() -> FileTranscript:
        transcript = FileTranscript()
        async with aclosing(services(request).file_transcriptions.transcribe(upload.path, options)) as items:
            async for item in items:
                transcript.add(item)
        return transcript

    return await until_disconnect(request, collect())


async def until_disconnect(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, which is cancelled when the client disconnects. Raises `ClientDisconnect`.

    The request's body must have been received.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_wait_for_disconnect(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


def to_english(transcript: FileTranscript) -> FileTranscript:
    """The same transcript, whose words were translated."""
    return replace(transcript, words=[("en", word) for _, word in transcript.words], language="en")


def mean_probability(words: Sequence[Word]) -> float:
    return sum(word.probability for word in words) / len(words) if words else 0.0


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _next(items: AsyncGenerator[Recognized]) -> Recognized | None:
    return await anext(items, None)


async def _continue(first: Recognized | None, items: AsyncGenerator[Recognized]) -> AsyncGenerator[Recognized]:
    if first is not None:
        yield first
        async for item in items:
            yield item
