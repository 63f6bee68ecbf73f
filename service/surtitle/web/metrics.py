"""The current state of the service as Prometheus metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from surtitle import __version__
from surtitle.web.services import Services


class ServiceCollector(Collector):
    """Reads the state of the service's parts whenever metrics are collected."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def describe(self) -> Iterable[Metric]:
        return ()  # without this, the registry collects once to learn the names

    def collect(self) -> Iterator[Metric]:
        yield from _service(self._services)
        yield from _channels(self._services)
        yield from _outputs(self._services)
        yield _alerts(self._services)


def _service(services: Services) -> Iterator[Metric]:
    described = services.engines.description
    info = InfoMetricFamily("surtitle", "The service.")
    info.add_metric([], {"version": __version__, "engine": described["engine"], "model": described["model"]})
    yield info
    yield _gauge(
        "surtitle_ready", "1 if new sources are recognized with the chosen engine.", float(services.engines.ready)
    )
    yield _gauge("surtitle_store_failing", "1 if settings and captions cannot be saved.",
                 float(bool(services.store_problem)))  # fmt: skip
    yield _gauge("surtitle_bus_failing", "1 if there is a bus, and captions cannot be exchanged with other services.",
                 float(services.bus is not None and bool(services.bus.problem)))  # fmt: skip
    loads = GaugeMetricFamily(
        "surtitle_model_loaded", "1 if a model is loaded, otherwise its progress from 0 to 1.", labels=["model"]
    )
    for load in services.engines.library.describe():
        loads.add_metric([load["model"]], 1.0 if load["state"] == "ready" else load["done"] or 0.0)
    yield loads
    files = services.file_transcriptions
    yield _gauge("surtitle_files_waiting", "Files that are received, wait, or are recognized.", float(files.waiting))
    yield _gauge("surtitle_file_running", "1 while a file is recognized.", float(files.running))
    if (connection_limits := services.connection_limits) is not None:
        yield _gauge("surtitle_connections", "Open connections.", float(connection_limits.open))
        yield _gauge(
            "surtitle_connections_refused", "Connections refused by a limit.", float(connection_limits.refused)
        )


def _channels(services: Services) -> Iterator[Metric]:
    sources = GaugeMetricFamily("surtitle_sources", "Sources by state.", labels=["channel", "state"])
    readers = GaugeMetricFamily("surtitle_readers", "Readers.", labels=["channel"])
    lag = GaugeMetricFamily(
        "surtitle_lag_seconds", "How far captions are behind the audio.", labels=["channel", "source"]
    )
    queue = GaugeMetricFamily("surtitle_queue_seconds", "Audio waiting for recognition.", labels=["channel", "source"])
    obs = GaugeMetricFamily("surtitle_obs", "1 for the current state of closed captions.", labels=["channel", "state"])
    for listed in services.status_board.list_channels():  # those that other services caption have readers here, too
        readers.add_metric([listed["name"]], services.hub.readers.of(listed["name"]))
    for channel in services.hub.snapshot():
        name = channel["name"]
        for kind in ("live", "away"):
            count = sum(source["state"] == kind for source in channel["sources"])
            sources.add_metric([name, kind], count)
        obs.add_metric([name, channel["closed_captions"]["state"]], 1)
        for source in channel["sources"]:
            lag.add_metric([name, source["name"]], source["lag"])
            queue.add_metric([name, source["name"]], source["waiting"])
    yield from (sources, readers, lag, queue, obs)


def _outputs(services: Services) -> Iterator[Metric]:
    labels = ["channel", "output", "kind"]
    states = GaugeMetricFamily("surtitle_output", "1 for the current state of an output.", labels=[*labels, "state"])
    sent = CounterMetricFamily("surtitle_output_sent", "Texts that an output has sent.", labels=labels)
    skipped = CounterMetricFamily("surtitle_output_skipped", "Captions that an output could not send.", labels=labels)
    for channel in services.hub.snapshot():
        for output in channel["outputs"]:
            values = [channel["name"], output["id"], output["kind"]]
            states.add_metric([*values, output["state"]], 1)
            sent.add_metric(values, output["sent"])
            skipped.add_metric(values, output["skipped"])
    yield from (states, sent, skipped)


def _alerts(services: Services) -> Metric:
    active = GaugeMetricFamily(
        "surtitle_alerts",
        "Alerts that are active; those of the whole service have no channel.",
        labels=["channel", "kind"],
    )
    found = {"": services.alerts.of_service} | {one["name"]: one["alerts"]["active"] for one in services.hub.snapshot()}
    for channel, alerts in found.items():
        for kind, count in Counter(alert["kind"] for alert in alerts).items():
            active.add_metric([channel, kind], count)
    return active


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=value)
