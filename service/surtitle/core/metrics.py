"""Counters of one service, for a Prometheus server."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector

_BUCKETS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)  # seconds
_TURN_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)  # seconds


class Metrics:
    """Counters of one service, in its own registry. The number of different values of each label is bounded."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._words = Counter("surtitle_words", "Words that were committed.", ["channel"], registry=self._registry)
        self._delay = Histogram(
            "surtitle_word_delay_seconds",
            "From the end of a word until it was committed, in live sources.",
            ["engine"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._turns = Histogram(
            "surtitle_recognition_seconds",
            "Time until the waiting audio of a source was recognized, with the wait for the engine.",
            ["engine"],
            buckets=_TURN_BUCKETS,
            registry=self._registry,
        )
        self._skipped = Counter(
            "surtitle_skipped_audio_seconds",
            "Audio that was skipped because recognition is too slow.",
            ["channel"],
            registry=self._registry,
        )
        self._sent = Counter(
            "surtitle_cloud_audio_seconds",
            "Audio that was sent to a recognizer on another computer, for which a cloud charges.",
            ["channel", "engine"],
            registry=self._registry,
        )
        self._lost = Counter(
            "surtitle_cloud_lost_audio_seconds",
            "Speech without captions because it could not be sent to a recognizer on another computer.",
            ["channel", "engine"],
            registry=self._registry,
        )
        self._refused = Counter(
            "surtitle_refused", "Requests and connections that were refused, by HTTP status.", ["status"],
            registry=self._registry,
        )  # fmt: skip

        self._files = Counter(
            "surtitle_file_requests", "Files of clients, by result: done, failed, or stopped.", ["result"],
            registry=self._registry,
        )  # fmt: skip
        self._file_audio = Counter("surtitle_file_audio_seconds", "Audio of recognized files.", registry=self._registry)
        self._file_work = Counter(
            "surtitle_file_work_seconds", "Time for which files were being recognized.", registry=self._registry
        )

    def count_words(self, channel: str, engine: str, words: int, delays: Sequence[float]) -> None:
        """Count ``words`` committed words; ``delays``, in seconds, are those of words from live sources."""
        self._words.labels(channel).inc(words)
        histogram = self._delay.labels(engine)
        for delay in delays:
            histogram.observe(max(0.0, delay))

    def count_turn(self, engine: str, seconds: float) -> None:
        """Count a turn of a source, which took ``seconds`` from the request on.

        The rate of their sum is the average number of sources that wait or are recognized: the engine's queue.
        """
        self._turns.labels(engine).observe(seconds)

    def count_skipped_audio(self, channel: str, seconds: float) -> None:
        self._skipped.labels(channel).inc(seconds)

    def count_remote_audio(self, channel: str, engine: str, sent: float, lost: float) -> None:
        """Count seconds of audio that were sent to another computer, and those that have no captions for that."""
        self._sent.labels(channel, engine).inc(sent)
        self._lost.labels(channel, engine).inc(lost)

    def count_refusal(self, status: int) -> None:
        """Count a refused request or connection by its HTTP status."""
        self._refused.labels(str(status)).inc()

    def count_file(self, result: str, audio: float, work: float) -> None:
        """Count a file: ``result`` is done, failed or stopped; ``audio`` and ``work`` are in seconds."""
        self._files.labels(result).inc()
        self._file_audio.inc(audio)
        self._file_work.inc(work)

    def register(self, collector: Collector) -> None:
        """Add a collector that is queried whenever the metrics are read."""
        self._registry.register(collector)

    def render(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self._registry)
