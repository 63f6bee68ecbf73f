"""The alerts of one channel. Pure: callers pass what they see, and the time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from surtitle.alerts.condition import Condition
from surtitle.alerts.source_conditions import SourceConditions, SourceReport
from surtitle.channels.settings import AlertSettings
from surtitle.core.wire.alerts import AlertKind
from surtitle.core.wire.outputs import OutputStatus

_LOST_FOR = 600.0  # seconds for which a source that was lost is expected back
_BAD_OUTPUTS = ("refused", "failed")
_GOOD_OUTPUTS = ("waiting", "sending")


@dataclass(frozen=True, slots=True)
class AlertChange:
    """An alert that begins, or is over. ``key`` identifies its ``subject``, whose name people know."""

    kind: AlertKind
    key: str
    subject: str
    raised: bool
    message: str


class ChannelWatch:
    """Looks at the sources and outputs of a channel again and again."""

    def __init__(self) -> None:
        self._sources: dict[str, SourceConditions] = {}
        self._lost: dict[str, float] = {}  # since when sources have been lost, by name
        self._outputs: dict[str, tuple[str, Condition]] = {}  # the name and the condition, by id

    @property
    def idle(self) -> bool:
        """Whether there is nothing to look at."""
        return not (self._sources or self._outputs)

    @property
    def sources(self) -> Collection[str]:
        """The names of the sources that it looks at, also of those that were lost and are expected back."""
        return self._sources.keys()

    def check(
        self,
        sources: Iterable[SourceReport],
        outputs: Iterable[OutputStatus],
        settings: AlertSettings,
        now: float,
        *,
        live: bool,
    ) -> list[AlertChange]:
        """The alerts that begin or are over at ``now``, in seconds.

        ``live``: somebody publishes to the channel. Without that, nobody misses what an output does not send.
        """
        return [
            *self._check_sources({one.name: one for one in sources}, settings, now),
            *self._check_outputs({one["id"]: one for one in outputs if one["enabled"]} if live else {}, settings, now),
        ]

    def _check_sources(
        self, reports: dict[str, SourceReport], settings: AlertSettings, now: float
    ) -> Iterable[AlertChange]:
        self._lost = {name: self._lost.get(name, now) for name, report in reports.items() if report.lost}
        for name, since in self._lost.items():
            if now - since > _LOST_FOR:
                del reports[name]
        for name in self._sources.keys() - reports.keys():
            for kind in self._sources.pop(name).active:
                yield AlertChange(kind, name, name, False, f"{name} has ended.")
        for name, report in reports.items():
            conditions = self._sources.setdefault(name, SourceConditions(now))
            for kind, raised in conditions.update(report, settings, now):
                yield AlertChange(kind, name, name, raised, _describe_source(kind, report, raised=raised))

    def _check_outputs(
        self, outputs: dict[str, OutputStatus], settings: AlertSettings, now: float
    ) -> Iterable[AlertChange]:
        for key in self._outputs.keys() - outputs.keys():
            name, condition = self._outputs.pop(key)
            if condition.active:
                yield AlertChange("output", key, name, False, f"Captions are no longer sent to {name}.")
        for key, status in outputs.items():
            name, condition = status["target"], self._outputs.get(key, ("", Condition()))[1]
            self._outputs[key] = name, condition
            state = status["state"]
            bad = True if state in _BAD_OUTPUTS else False if state in _GOOD_OUTPUTS else None
            raised = condition.update(bad if settings.output else False, settings.output, now)
            if raised is not None:
                message = status["message"] if raised else f"{name} takes captions again."
                yield AlertChange("output", key, name, raised, message)


def _describe_source(kind: AlertKind, report: SourceReport, *, raised: bool) -> str:
    name = report.name
    match kind:
        case "stopped":
            problem, end = f"{name} has lost its connection or failed: start it again.", f"{name} is back."
        case "no_sound":
            problem = f"{name} sends no sound: check whether it is muted, or the wrong device."
            end = f"{name} has sound again."
        case "no_words":
            problem = f"{name} has sound, but no words are recognized: check its sound, its language and its model."
            end = f"Words of {name} are recognized again."
        case _:
            problem = f"The captions of {name} are {report.lag:.0f} s late: choose a smaller model, or stop a source."
            end = f"The captions of {name} are on time again."
    return problem if raised else end
