"""The interface of models that tell voices apart. docs/engines-own.md describes how to write one."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from surtitle.audio import Samples
from surtitle.speakers.timeline import Activity

LATENCIES = (0.32, 1.04, 10.0)
"""Seconds of audio, from which a channel chooses how much a model may wait for before it says who speaks."""


class ActivityStream(Protocol):
    """The state of one source in a model. It is used by one thread."""

    def feed(self, samples: Samples) -> Activity:
        """Process 16 kHz samples, shape (n,); returns the frames that are final now and follow those before.

        A frame is final when `LATENCIES` seconds of audio after it have been received, at the latest.
        """

    def flush(self) -> Activity:
        """Return the remaining frames. Audio that is fed later is not continuous, but has the same speakers."""

    def close(self) -> None:
        """Free what it needs. It is not used any more, except that it may be closed again."""


class SpeakerModel(Protocol):
    """A loaded model, which serves any number of streams, one step at a time. It runs in a process of its own."""

    def open(self, latency: float) -> ActivityStream:
        """Open a stream for one source; ``latency`` is one of `LATENCIES`."""


class PortableStream(ActivityStream, Protocol):
    """A stream that can continue in another process."""

    @property
    def needed(self) -> int:
        """The number of samples from which `feed` returns further frames; 0 if that is not known."""

    def save(self) -> bytes:
        """Everything that later frames depend on, which `PortableModel.restore` reads."""


@runtime_checkable
class PortableModel(Protocol):
    """A model whose streams can continue in another process: what an inference pool can run. It is optional."""

    def open(self, latency: float) -> PortableStream:
        """See `SpeakerModel.open`."""

    def restore(self, latency: float, state: bytes) -> PortableStream:
        """Open a stream that continues where the stream that saved ``state`` was. Raises ValueError if it cannot.

        ``state`` comes from the network: nothing in it may be trusted.
        """
