"""The engine that recognizes a source, which can change while captions run."""

from __future__ import annotations

import asyncio

from surtitle.speech.engine import Engine, Stream


class SourceEngine:
    """Changes from one engine to the next between utterances. Owns the stream that the pipeline does not have yet."""

    def __init__(self, engine: Engine) -> None:
        self.current = engine
        self._next: tuple[Engine, Stream] | None = None  # the pipeline does not have its stream yet
        self._pending: tuple[Engine, Stream] | None = None  # the pipeline has it, for the next utterance
        self._closed = False

    async def change(self, engine: Engine, stream: Stream) -> None:
        """Use another engine and its stream as soon as possible; a stream that is not needed any more is closed."""
        if self._closed:
            unused: Stream | None = stream
        else:
            unused = self._next[1] if self._next is not None else None
            self._next = (engine, stream)
        if unused is not None:
            await asyncio.to_thread(unused.close)

    def take(self) -> Stream | None:
        """The stream that the pipeline is to use from the next utterance on; None if it stays the same."""
        taken, self._next = self._next, None
        self._pending = taken or self._pending
        return taken[1] if taken else None

    def confirm(self, stream: Stream) -> None:
        """Note that the pipeline uses ``stream`` now."""
        if self._pending is not None and stream is self._pending[1]:
            self.current, self._pending = self._pending[0], None

    def end(self) -> Stream | None:
        """Note that the source has ended. Returns the stream that the pipeline did not get, for the caller to close."""
        self._closed = True
        return self._next[1] if self._next is not None else None
