"""The process that runs the speaker model: `python -m surtitle.speakers.worker MODEL`.

NeMo takes seconds to import, gigabytes of memory and often holds Python's global interpreter lock: in the service's own
process it would delay words. Here it does not, and it runs with lower priority than recognition.

Requests, as frames (`surtitle.core.processes`), are ["feed", source, latency, position, samples]
(float32, ``position`` in samples on the source's clock), ["flush", source] and ["close", source].
Each has one answer: a list of [position, frames, activity] (float32), or a string that says what
went wrong. The first answer comes by itself, when the model is loaded.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from surtitle.audio import RATE
from surtitle.core.processes import serve
from surtitle.speakers.sortformer import Sortformer, SortformerStream
from surtitle.speakers.timeline import FRAME, SPEAKERS, Activity

Found = tuple[int, int, bytes]

_NICE = 10
_PER_FRAME = round(FRAME * RATE)


def main() -> None:
    """Serve until standard input ends."""
    with suppress(AttributeError, OSError):
        os.nice(_NICE)
    serve(lambda: _StreamServer(sys.argv[1]))


@dataclass(slots=True)
class _Source:
    stream: SortformerStream
    expected: int  # position of its next sample
    next: int  # position of its next frame, in samples


class _StreamServer:
    """Answers requests with one stream of the model for each source."""

    def __init__(self, model: str) -> None:
        self._model = Sortformer(model)
        self._model.torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
        self._sources: dict[int, _Source] = {}

    def feed(self, key: int, latency: float, position: int, samples: bytes) -> list[Found]:
        found: list[Found] = []
        source = self._sources.get(key)
        if source is None:
            source = self._sources[key] = _Source(self._model.open(latency), position, position)
        elif position != source.expected:
            found += self.flush(key)
            source.expected = source.next = position
        audio = np.frombuffer(samples, dtype=np.float32)
        source.expected += len(audio)
        return found + _encode_activity(source, source.stream.feed(audio))

    def flush(self, key: int) -> list[Found]:
        source = self._sources.get(key)
        return [] if source is None else _encode_activity(source, source.stream.flush())

    def close(self, key: int) -> list[Found]:
        self._sources.pop(key, None)
        return []


def _encode_activity(source: _Source, activity: Activity) -> list[Found]:
    begin, count = source.next, len(activity)
    source.next += count * _PER_FRAME
    full = np.zeros((count, SPEAKERS), dtype=np.float32)
    full[:, : activity.shape[1]] = activity
    return [(begin, count, full.tobytes())] if count else []


if __name__ == "__main__":
    main()
