"""Captions inside another program: an engine, samples in, captions out. Public; see `surtitle`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from types import TracebackType
from typing import Self

from surtitle.audio import Samples
from surtitle.captions.caption import Caption
from surtitle.core.errors import ModelError
from surtitle.models.download import download
from surtitle.models.selection import select
from surtitle.models.speed_store import SpeedStore
from surtitle.pipeline import Pipeline
from surtitle.speech.chinese import open_stream
from surtitle.speech.engine import Engine, Hints
from surtitle.speech.kinds import EngineModel, find_model
from surtitle.text.chinese import find_characters
from surtitle.text.languages import AUTO, recognizer_code


def load_engine(model: str | None = None, language: str = AUTO) -> Engine:
    """Load a speech recognizer, downloading its model first where that is needed.

    ``model`` is a name (``"base"``, ``"small.en"``, ...), the directory of a Whisper model converted for CTranslate2,
    a model of another kind of recognizer (``"whisper.cpp:base"``), or ``"pocketsphinx"`` for the one that needs no
    download and knows English. Without one, the model that
    suits this computer and ``language`` best is taken, as ``surtitle serve`` does.

    Takes seconds, or as long as the download: call it in a thread. One engine serves any number of streams. Raises
    `ModelError`.
    """
    names = (model,) if model else select(None, language, SpeedStore(None)).names
    failure = ModelError("No model suits this computer: name one.")
    for name in names:
        try:
            return _load(find_model(name))
        except ModelError as error:
            failure = error
    raise failure


class CaptionStream:
    """Captions of one source of sound. Blocks while it recognizes; use one thread at a time."""

    def __init__(self, engine: Engine, language: str = AUTO, source: str = "") -> None:
        """``language`` is a BCP 47 tag such as ``"en"`` or ``"pt-BR"``, or ``"auto"``. Captions carry ``source``.

        A region or a script of Chinese (``"zh-TW"``, ``"zh-Hans"``) selects the characters that are written.
        """
        numbers = count(1)
        code = recognizer_code(language, engine.languages) or AUTO
        self._pipeline = Pipeline(
            open_stream(engine, code, Hints(), find_characters(language)), source, lambda: str(next(numbers))
        )

    def feed(self, samples: Samples) -> list[Caption]:
        """Recognize more sound, and return the captions that changed.

        ``samples`` are float32, of shape (n,), mono at 16,000 Hz, from -1 to 1; any number of them. A caption appears
        with words that may still change (``tentative``), grows, and is returned a last time as ``final``. Its
        committed ``words`` never change. Raises `EngineError` when recognition of an utterance failed; the stream can
        be fed on.
        """
        return self._checked(self._pipeline.feed(samples))

    def finish(self) -> list[Caption]:
        """Return the captions that become final because no more sound follows for now. Raises `EngineError`."""
        return self._checked(self._pipeline.flush())

    def close(self) -> None:
        """Release the stream; the engine stays loaded."""
        self._pipeline.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _checked(self, captions: list[Caption]) -> list[Caption]:
        if (failure := self._pipeline.take_failure()) is not None:
            raise failure
        return captions


def stream_captions(engine: Engine, blocks: Iterable[Samples], language: str = AUTO) -> Iterator[Caption]:
    """The captions of blocks of samples, as in `CaptionStream.feed`, until the blocks end."""
    with CaptionStream(engine, language) as stream:
        for block in blocks:
            yield from stream.feed(block)
        yield from stream.finish()


def _load(model: EngineModel) -> Engine:
    """Raises `ModelError`."""
    model.check()
    files = model.kind.files
    return model.load((files.on_disk(model.name) or download(model.name, kind=files)) if files else None)
