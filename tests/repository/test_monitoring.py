"""The dashboard, the alert rules and the scrape configuration name only metrics and labels that the service exports."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from surtitle.web.services import Services
from tests.support import need, publish, running, silence

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "surtitle.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
CLUSTER_LABELS = {"instance", "job", "le"}
SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""], "info": ["_info"]}


def dashboard_queries() -> dict[str, str]:
    """The dashboard's queries by the panels' titles, with what Grafana puts in place of its variables."""
    found = {}
    for panel in PANELS:
        for target in panel["targets"]:
            query = target["expr"].replace("$__rate_interval", "1m")
            for variable in DASHBOARD["templating"]["list"]:
                query = query.replace(f"${variable['name']}", ".*")
            assert "$" not in query, query
            found[f"{panel['title']} {target['refId']}"] = query
    return found


def selectors(query: str) -> dict[str, set[str]]:
    """The metrics of a query, with the labels by which it selects or groups them."""
    names: dict[str, set[str]] = {}
    grouped: set[str] = set()

    def visit(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            assert node.name is not None
            names.setdefault(node.name, set()).update(matcher.name for matcher in node.matchers.matchers)
        elif isinstance(node, promql_parser.MatrixSelector):
            visit(node.vector_selector)
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            grouped.update(node.modifier.labels)
        return True

    promql_parser.walk(promql_parser.parse(query), pre_visit=visit)
    return {name: labels | grouped for name, labels in names.items()}


def fill(services: Services) -> None:
    """Let each counter have a sample."""
    metrics = services.metrics
    metrics.count_turn("whisper", 0.2)
    metrics.count_words("hall", "whisper", 1, [0.5])
    metrics.count_remote_audio("hall", "openai", 1.0, 0.0)
    metrics.count_refusal(429)
    metrics.count_file("done", 1.0, 1.0)


@pytest.fixture(scope="module")
async def exported() -> dict[str, set[str]]:
    """The names of the samples that the service exports, each with its labels; none where there is no sample yet."""
    async with running() as service:
        await publish(service, silence(0.5), channel="hall")
        fill(service.services)
        async with httpx.AsyncClient(base_url=service.url) as client:
            text = (await client.get("/metrics")).text
    found = {}
    for family in text_string_to_metric_families(text):
        if family.name.endswith("_created"):  # when a counter began, which nobody needs
            continue
        for suffix in SUFFIXES[family.type]:
            name = family.name + suffix
            labels = [set(sample.labels) for sample in family.samples if sample.name == name]
            found[name] = set().union(*labels)
    return found | {"up": set()}


@pytest.fixture(params=[*dashboard_queries().values(), *(rule["expr"] for rule in RULES)])
def query(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


async def test_queries_name_what_the_service_exports(query: str, exported: dict[str, set[str]]) -> None:
    for name, labels in selectors(query).items():
        assert name in exported, name
        if exported[name]:
            assert labels <= exported[name] | CLUSTER_LABELS, (name, labels)


def test_mistakes_in_queries_are_found() -> None:
    assert selectors('sum by (x) (rate(a{y="1"}[5m])) / b') == {"a": {"x", "y"}, "b": {"x"}}
    with pytest.raises(ValueError, match=r"."):
        promql_parser.parse("rate(surtitle_words_total)")


def test_documentation_and_dashboard_have_all_metrics(exported: dict[str, set[str]]) -> None:
    text = (DEPLOY.parent / "docs" / "operations.md").read_text(encoding="utf-8")
    families = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in exported}
    assert {name for name in families if name not in text} <= {"up", "surtitle_info"}
    used = {name for query in dashboard_queries().values() for name in selectors(query)}
    used = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in used}
    rest = {"up", "surtitle_info", "surtitle_file_running", "surtitle_file_audio_seconds_total",
            "surtitle_file_work_seconds_total"}  # fmt: skip
    assert families - used == rest


def test_panels_have_places_of_their_own() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        own = set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))
        assert at["x"] + at["w"] <= 24
        assert not places & own, panel["title"]
        places |= own


def test_rules_say_what_to_do() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert {*rule["annotations"]} == {"summary", "description"}
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "--syntax-only", "prometheus.yml"),
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts.test.yml"),
    ],
)
def test_promtool_accepts_rules_and_configuration(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [need("promtool"), *arguments], cwd=PROMETHEUS, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
