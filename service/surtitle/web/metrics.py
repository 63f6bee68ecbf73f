"""What a Prometheus server asks for: counts of what happened, and how it stands now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

_BUCKETS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)  # seconds


class Metrics:
    """Counters of one service, in a registry of its own. Only what bounded numbers of things are called is a label."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._words = Counter("surtitle_words", "Words that were committed.", ["channel"], registry=self._registry)
        self._delay = Histogram(
            "surtitle_word_delay_seconds",
            "From the end of a word to its being committed, in live sources.",
            ["engine"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._skipped = Counter(
            "surtitle_skipped_audio_seconds",
            "Audio that was left out because recognition is too slow.",
            ["channel"],
            registry=self._registry,
        )
        self._refused = Counter(
            "surtitle_refused", "Requests and connections that were refused, by HTTP status.", ["status"],
            registry=self._registry,
        )  # fmt: skip

    def committed(self, channel: str, engine: str, words: int, delays: Sequence[float]) -> None:
        """So many words; ``delays`` in seconds of those that were live."""
        self._words.labels(channel).inc(words)
        histogram = self._delay.labels(engine)
        for delay in delays:
            histogram.observe(max(0.0, delay))

    def skipped(self, channel: str, seconds: float) -> None:
        self._skipped.labels(channel).inc(seconds)

    def refused(self, status: int) -> None:
        self._refused.labels(str(status)).inc()

    def watch(self, state: Any) -> None:
        """Tell also how the service stands whose application has this ``state``."""
        self._registry.register(_State(state))

    def text(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self._registry)


class _State(Collector):
    """Looks at the parts of a service when it is asked."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def describe(self) -> Iterable[Metric]:
        return ()  # the names that are taken are found out when it is asked

    def collect(self) -> Iterator[Metric]:
        yield from _service(self._state)
        yield from _channels(self._state)


def _service(state: Any) -> Iterator[Metric]:
    told = state.engines.description
    info = InfoMetricFamily("surtitle", "The service.")
    info.add_metric([], {"version": state.version, "engine": told["engine"], "model": told["model"]})
    yield info
    yield _gauge("surtitle_ready", "1 if new sources are recognized as they should be.", float(state.engines.ready))
    yield _gauge("surtitle_store_failing", "1 if what is told to channels cannot be saved.",
                 float(bool(state.keeper and state.keeper.problem)))  # fmt: skip
    loads = GaugeMetricFamily("surtitle_model_loaded", "1 if a model is loaded, else how far it is.", labels=["model"])
    for load in state.engines.library.describe():
        loads.add_metric([load["model"]], 1.0 if load["state"] == "ready" else load["done"] or 0.0)
    yield loads
    if (doors := getattr(state, "doors", None)) is not None:
        yield _gauge("surtitle_connections", "Open connections.", float(doors.open))
        yield _gauge("surtitle_connections_refused", "Connections for which there was no room.", float(doors.refused))


def _channels(state: Any) -> Iterator[Metric]:
    sources = GaugeMetricFamily("surtitle_sources", "Sources, by state.", labels=["channel", "state"])
    readers = GaugeMetricFamily("surtitle_readers", "Readers.", labels=["channel"])
    lag = GaugeMetricFamily("surtitle_lag_seconds", "How far captions are behind.", labels=["channel", "source"])
    queue = GaugeMetricFamily(
        "surtitle_queue_seconds", "Audio that waits for recognition.", labels=["channel", "source"]
    )
    obs = GaugeMetricFamily("surtitle_obs", "1 for the state of closed captions.", labels=["channel", "state"])
    for channel in state.hub.snapshot():
        name = channel["name"]
        for kind in ("live", "away"):
            count = sum(source["state"] == kind for source in channel["sources"])
            sources.add_metric([name, kind], count)
        readers.add_metric([name], channel["readers"])
        obs.add_metric([name, channel["closed_captions"]["state"]], 1)
        for source in channel["sources"]:
            lag.add_metric([name, source["name"]], source["lag"])
            queue.add_metric([name, source["name"]], source["waiting"])
    yield from (sources, readers, lag, queue, obs)


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=value)
