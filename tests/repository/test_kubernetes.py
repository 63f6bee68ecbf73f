"""The manifests in `deploy/kubernetes` and the compose files fit their schemas, the service, and each other.

No cluster runs in the tests.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import check_jsonschema
import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from scripts import kubernetes_nginx
from surtitle.cli.main import serve
from surtitle.core.metrics import Metrics
from tests.web.routes import requirements

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
KUSTOMIZATIONS = sorted(KUBERNETES.rglob("kustomization.yaml"))
MANIFESTS = sorted(path for folder in ("services", "databases") for path in (KUBERNETES / folder).glob("*.yaml"))
VERSIONS = ("1.30", "1.37")
VARIABLES = {f"SURTITLE_SERVE_{(option.name or '').upper()}" for option in serve.params} | {"SURTITLE_SERVE_SECRET"}


def load(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]


OBJECTS = [one for path in MANIFESTS if path not in KUSTOMIZATIONS for one in load(path)]


def find(kind: str, name: str) -> dict[str, Any]:
    return next(one for one in OBJECTS if (one["kind"], one["metadata"]["name"]) == (kind, name))


def workloads() -> dict[str, dict[str, Any]]:
    """The specifications of what has pods, by name."""
    kinds = ("Deployment", "StatefulSet")
    return {one["metadata"]["name"]: one["spec"] for one in OBJECTS if one["kind"] in kinds}


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_fit_the_schema(version: str) -> None:
    assert len(OBJECTS) > 15
    for manifest in OBJECTS:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_mistake_does_not_fit_the_schema() -> None:
    manifest = {**find("PodDisruptionBudget", "surtitle"), "spec": {"maxUnavailble": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, VERSIONS[0], strict=True)


def test_kustomizations_have_all_manifests() -> None:
    for path in KUSTOMIZATIONS:
        (content,) = load(path)
        for name in content["resources"]:
            assert (path.parent / name).exists()
        if path.parent != KUBERNETES:
            assert {path.parent / name for name in content["resources"]} == set(path.parent.glob("*.yaml")) - {path}
            assert content["namespace"] == find("Namespace", "surtitle")["metadata"]["name"]
    assert set(load(KUBERNETES / "kustomization.yaml")[0]["resources"]) == {
        path.parent.name for path in KUSTOMIZATIONS if path.parent != KUBERNETES
    }


def test_nginx_is_configured_as_in_compose() -> None:
    assert kubernetes_nginx.TARGET.read_text(encoding="utf-8") == kubernetes_nginx.build(), (
        "run python scripts/kubernetes_nginx.py"
    )
    (content,) = load(KUBERNETES / "services" / "kustomization.yaml")
    files = {one["name"]: one["files"] for one in content["configMapGenerator"] if "files" in one}
    assert files == {"nginx": ["default.conf=nginx.conf"]}
    assert (KUBERNETES / "services" / "nginx.conf").exists()


def test_nginx_knows_every_service_that_the_autoscaler_starts() -> None:
    servers = set(re.findall(r"server (surtitle-\d+):8000 ", kubernetes_nginx.build()))
    addresses = {
        one["metadata"]["name"]
        for one in OBJECTS
        if one["kind"] == "Service"
        and one["spec"]["selector"] == {"statefulset.kubernetes.io/pod-name": one["metadata"]["name"]}
    }
    autoscaler, services = find("HorizontalPodAutoscaler", "surtitle")["spec"], find("StatefulSet", "surtitle")["spec"]
    first = services["ordinals"]["start"]
    assert servers == addresses == {f"surtitle-{first + number}" for number in range(autoscaler["maxReplicas"])}
    assert autoscaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "surtitle"}
    assert "replicas" not in services


def test_the_autoscaler_follows_a_metric_that_the_service_exports() -> None:
    (rule,) = load(KUBERNETES / "prometheus-adapter.yaml")[0]["rules"]["custom"]
    (metric,) = find("HorizontalPodAutoscaler", "surtitle")["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    metrics = Metrics()
    metrics.count_turn("whisper", 0.2)
    assert rule["seriesQuery"].partition("{")[0] in metrics.render().decode()


def test_selectors_find_their_pods() -> None:
    labels = {name: spec["template"]["metadata"]["labels"] for name, spec in workloads().items()}
    for one in OBJECTS:
        spec = one.get("spec", {})
        if one["kind"] in ("Deployment", "StatefulSet"):
            assert spec["selector"]["matchLabels"] == labels[one["metadata"]["name"]]
        elif one["kind"] == "PodDisruptionBudget":
            assert spec["selector"]["matchLabels"] in labels.values()
        elif one["kind"] == "Service" and "app" in spec["selector"]:
            assert spec["selector"] in labels.values()
    assert find("NetworkPolicy", "surtitle")["spec"]["podSelector"]["matchLabels"] == labels["surtitle"]


def test_containers_have_few_privileges_and_known_needs() -> None:
    for workload in workloads().values():
        spec = workload["template"]["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        volumes = {one["name"] for one in spec["volumes"]}
        volumes |= {one["metadata"]["name"] for one in workload.get("volumeClaimTemplates", [])}
        for container in (*spec.get("initContainers", []), *spec["containers"]):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {*container["resources"]["requests"]} == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]
            assert {one["name"] for one in container["volumeMounts"]} <= volumes
            assert not container["image"].endswith(":latest")


def test_the_service_is_started_as_it_can_be() -> None:
    (container,) = find("StatefulSet", "surtitle")["spec"]["template"]["spec"]["containers"]
    (content,) = load(KUBERNETES / "services" / "kustomization.yaml")
    literals = next(one["literals"] for one in content["configMapGenerator"] if "literals" in one)
    given = {one["name"] for one in container["env"]} | {one.partition("=")[0] for one in literals}
    assert given <= VARIABLES
    assert all("secretKeyRef" in one["valueFrom"] for one in container["env"])  # no secret is in a file
    known = {key.removeprefix("GET ") for key in requirements()}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"].partition("?")[0] in known


def test_pods_have_the_time_to_stop() -> None:
    """Five seconds until no new connection comes, and what docs/operations.md says about stopping."""
    spec = find("StatefulSet", "surtitle")["spec"]["template"]["spec"]
    delay = int(spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert spec["terminationGracePeriodSeconds"] >= delay + 15  # as in compose.yaml


@pytest.mark.parametrize("name", ["compose.yaml", "cluster/compose.yaml"])
def test_compose_files_fit_the_schema(name: str, tmp_path: Path) -> None:
    command = ["--builtin-schema", "vendor.compose-spec"]
    checked = CliRunner().invoke(check_jsonschema.main, [*command, str(DEPLOY / name)])
    assert checked.exit_code == 0, checked.output
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((DEPLOY / name).read_text(encoding="utf-8").replace("restart:", "restarts:"), encoding="utf-8")
    assert CliRunner().invoke(check_jsonschema.main, [*command, str(wrong)]).exit_code == 1


def test_services_of_compose() -> None:
    (content,) = load(DEPLOY / "cluster" / "compose.yaml")
    services = {name: one for name, one in content["services"].items() if name.startswith("surtitle-")}
    servers = set(re.findall(r"server (surtitle-\d+):8000 ", kubernetes_nginx.SOURCE.read_text(encoding="utf-8")))
    assert set(services) == servers
    for name, service in services.items():
        assert service["hostname"] == name  # or the service refuses requests with this name as their host
        assert set(service["environment"]) <= VARIABLES
        assert "ports" not in service  # nobody goes around nginx
    addresses = [service["networks"]["inside"]["ipv4_address"] for service in services.values()]
    assert len(set(addresses)) == len(services)  # nginx finds a service that was created again where it was
    proxy = content["services"]["nginx"]["networks"]["inside"]["ipv4_address"]
    assert services["surtitle-1"]["environment"]["SURTITLE_SERVE_TRUST_PROXY"] == proxy
