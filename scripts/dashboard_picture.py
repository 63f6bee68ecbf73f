"""Draw Grafana's dashboard without Grafana: `python scripts/dashboard_picture.py PROMETHEUS START END FILE.png`.

The layout and the queries are those of deploy/grafana/surtitle.json, and the answers are a Prometheus's; only the
drawing is matplotlib's (the extra `bench`). START and END are in seconds since 1970.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import matplotlib as mpl
import matplotlib.pyplot as plt

DASHBOARD = Path(__file__).parents[1] / "deploy" / "grafana" / "surtitle.json"
_UNITS = {"s": " s", "percentunit": " %", "reqps": " /s", "short": ""}
_STEP = 5.0  # seconds between two points
_RATE_INTERVAL = "30s"
_CELL = (0.62, 0.36)  # inches of one place in Grafana's grid
_MAX_LEGEND = 7
_MAX_LABEL = 30  # characters


def query(
    prometheus: str, panel: dict[str, Any], start: float, end: float
) -> list[tuple[str, list[float], list[float]]]:
    """The label, the minutes since ``start`` and the values of each line of a panel."""
    lines = []
    for target in panel["targets"]:
        expression = re.sub(r"\$(instance|channel)", ".*", target["expr"].replace("$__rate_interval", _RATE_INTERVAL))
        asked: dict[str, str | float] = {"query": expression, "start": start, "end": end, "step": _STEP}
        answer = httpx.get(f"{prometheus}/api/v1/query_range", params=asked, timeout=30)
        answer.raise_for_status()
        for series in answer.json()["data"]["result"]:
            label = _fill(target["legendFormat"], series["metric"])
            points = [(float(when), float(value)) for when, value in series["values"] if value not in ("NaN", "+Inf")]
            lines.append((label, [(when - start) / 60 for when, _ in points], [value for _, value in points]))
    return lines


def _fill(template: str, labels: dict[str, str]) -> str:
    """A label as Grafana writes it, but no longer than there is space for."""
    text = re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), template)
    return text if len(text) <= _MAX_LABEL else "…" + text[-_MAX_LABEL:]


def draw(prometheus: str, start: float, end: float, file: Path) -> None:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    mpl.rcParams.update({"font.size": 7, "axes.titlesize": 8, "axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(24 * _CELL[0], height * _CELL[1]))
    for panel in panels:
        at = panel["gridPos"]
        left, top = at["x"] / 24, 1 - at["y"] / height
        if panel["type"] == "row":
            figure.text(0.005, top - 0.6 / height, panel["title"], fontsize=10, weight="bold")
            continue
        lines = query(prometheus, panel, start, end)
        unit = _UNITS[panel["fieldConfig"]["defaults"]["unit"]]
        if panel["type"] == "stat":
            figure.text(left + 0.008, top - 1.0 / height, panel["title"], fontsize=8)
            shown = f"{lines[0][2][-1]:.3g}{unit}" if lines and lines[0][2] else "no data"
            figure.text(left + 0.008, top - 2.8 / height, shown, fontsize=18)
            continue
        axes = figure.add_axes(
            (left + 0.025, top - (at["h"] - 1.2) / height, at["w"] / 24 - 0.035, (at["h"] - 2.4) / height)
        )
        axes.set_title(panel["title"], loc="left")
        axes.set_xlim(0, (end - start) / 60)
        if panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal" and lines:
            _stack(axes, lines)
        else:
            for label, minutes, values in lines:
                axes.plot(minutes, values, linewidth=1, label=label)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(
            lambda value, _, unit=unit: f"{value * (100 if unit == _UNITS['percentunit'] else 1):g}{unit}"
        )
        if not lines:
            axes.text(0.5, 0.5, "no data", ha="center", transform=axes.transAxes)
        elif len(lines) <= _MAX_LEGEND:
            axes.legend(loc="upper left", frameon=False, fontsize=6)
    figure.savefig(file, dpi=100)


def _stack(axes: Any, lines: list[tuple[str, list[float], list[float]]]) -> None:
    every = sorted({minute for _, minutes, _ in lines for minute in minutes})
    values = [
        [dict(zip(minutes, points, strict=True)).get(minute, 0.0) for minute in every] for _, minutes, points in lines
    ]
    axes.stackplot(every, values, labels=[label for label, _, _ in lines], alpha=0.7)


if __name__ == "__main__":
    draw(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
