"""The process that runs the speaker model: `python -m surtitle.speakers.worker MODEL`.

The libraries of such models take seconds to import and gigabytes of memory, and often hold Python's global interpreter
lock: in the service's own process they would delay words. Here they do not, and run with lower priority than
recognition.

Requests, as frames (`surtitle.core.processes`), are ["feed", source, latency, position, samples]
(float32, ``position`` in samples on the source's clock), ["flush", source] and ["close", source].
Each has one answer: a list of [position, frames, activity, stream] (float32), or a string that says what
went wrong. The first answer comes by itself, when the model is loaded.

A stream in which an error occurs is replaced, and ``stream`` counts these replacements. Other sources do not notice.
If it happens again and again, or if it is a `ModelError`, which concerns the whole model, the answer is the error.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from surtitle.audio import RATE
from surtitle.core.errors import ModelError
from surtitle.core.processes import serve
from surtitle.speakers.kinds import find_diarizer
from surtitle.speakers.model import ActivityStream, SpeakerModel
from surtitle.speakers.timeline import FRAME, SPEAKERS, Activity

Answer = tuple[int, int, bytes, int]

log = logging.getLogger("surtitle.speakers")

_NICE = 10
_MAX_FAILURES = 3  # errors in a row, after which the model is loaded again
_PER_FRAME = round(FRAME * RATE)


def main() -> None:
    """Serve until standard input ends."""
    with suppress(AttributeError, OSError):
        os.nice(_NICE)
    serve(lambda: StreamServer(find_diarizer(sys.argv[1]).load()))


@dataclass(slots=True)
class _Source:
    latency: float
    stream: ActivityStream | None  # None until there is audio after an error
    expected: int  # position of its next sample
    next: int  # position of its next frame, in samples
    replaced: int = 0
    failures: int = 0  # in a row


class StreamServer:
    """Answers requests with one stream of the model for each source. Each source has one request at a time."""

    def __init__(self, model: SpeakerModel) -> None:
        self._model = model
        self._sources: dict[int, _Source] = {}

    def feed(self, key: int, latency: float, position: int, samples: bytes) -> list[Answer]:
        found: list[Answer] = []
        source = self._sources.get(key)
        if source is None:
            source = self._sources[key] = _Source(latency, self._model.open(latency), position, position)
        elif position != source.expected:
            found += self.flush(key)
            source.expected = source.next = position
        audio = np.frombuffer(samples, dtype=np.float32)
        source.expected += len(audio)
        return found + self._run(source, lambda stream: stream.feed(audio))

    def flush(self, key: int) -> list[Answer]:
        source = self._sources.get(key)
        return [] if source is None else self._run(source, lambda stream: stream.flush())

    def close(self, key: int) -> list[Answer]:
        source = self._sources.pop(key, None)
        if source is not None and source.stream is not None:
            source.stream.close()
        return []

    def _run(self, source: _Source, step: Callable[[ActivityStream], Activity]) -> list[Answer]:
        """Run a step of the source's stream, which is replaced if that fails. Raises the last of several errors."""
        try:
            if source.stream is None:
                source.stream = self._model.open(source.latency)
                source.replaced += 1
            found = _encode_activity(source, step(source.stream))
        except ModelError:
            raise
        except Exception:
            source.failures += 1
            if source.failures == _MAX_FAILURES:
                raise
            log.exception("telling the speakers of a source apart failed: it begins again")
            broken, source.stream, source.next = source.stream, None, source.expected
            if broken is not None:
                with suppress(Exception):
                    broken.close()
            return []
        source.failures = 0
        return found


def _encode_activity(source: _Source, activity: Activity) -> list[Answer]:
    begin, count = source.next, len(activity)
    source.next += count * _PER_FRAME
    full = np.zeros((count, SPEAKERS), dtype=np.float32)
    full[:, : activity.shape[1]] = activity
    return [(begin, count, full.tobytes(), source.replaced)] if count else []


if __name__ == "__main__":
    main()
