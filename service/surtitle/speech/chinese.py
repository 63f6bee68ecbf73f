"""A stream that writes Chinese in the characters that were asked for."""

from __future__ import annotations

from surtitle.audio import Samples
from surtitle.core.words import Hypothesis
from surtitle.speech.endpoint import EndpointRules
from surtitle.speech.engine import Engine, Hints, RemoteUse, Stream, find_remote_use
from surtitle.text.chinese import Characters, ChineseConverter, add_characters


class ChineseStream:
    """Another stream with its words converted; a recognizer itself writes either kind of characters."""

    def __init__(self, stream: Stream, characters: Characters) -> None:
        self._stream = stream
        self._characters = characters
        self._converter = ChineseConverter(characters)

    @property
    def language(self) -> str:
        return add_characters(self._stream.language, self._characters)

    @property
    def bridges(self) -> float:
        return self._stream.bridges

    @property
    def rules(self) -> EndpointRules:
        return self._stream.rules

    @property
    def remote_use(self) -> RemoteUse | None:
        return find_remote_use(self._stream)

    def accept(self, samples: Samples, silence: float, voice: float | None = None) -> Hypothesis | None:
        hypothesis = self._stream.accept(samples, silence, voice)
        return None if hypothesis is None else self._convert(hypothesis, final=False)

    def finish(self) -> Hypothesis:
        return self._convert(self._stream.finish(), final=True)

    def close(self) -> None:
        self._stream.close()

    def _convert(self, hypothesis: Hypothesis, *, final: bool) -> Hypothesis:
        return self._converter.apply(hypothesis, final=final)


def open_stream(engine: Engine, language: str, hints: Hints, characters: Characters | None) -> Stream:
    """Open an engine's stream that writes ``characters``, if it recognizes Chinese. Raises `EngineError`."""
    stream = engine.open(language, hints)
    if characters is None or add_characters(stream.language, characters) == stream.language:
        return stream
    return ChineseStream(stream, characters)
