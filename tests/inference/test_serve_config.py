"""The configuration of a pool that is shipped."""

from __future__ import annotations

import ast
from pathlib import Path

import yaml

import surtitle
from tests.inference.ray_process import SHIPPED, enable_diarization

APP = Path(surtitle.__file__).parent / "inference" / "app.py"


def test_each_application_exists_also_the_one_to_enable() -> None:
    shipped = SHIPPED.read_text(encoding="utf-8")
    config = yaml.safe_load(enable_diarization(shipped))
    applications = {one["name"]: one for one in config["applications"]}
    assert list(applications) == [
        *(one["name"] for one in yaml.safe_load(shipped)["applications"]),
        "sortformer",
    ]
    defined = {node.name for node in ast.parse(APP.read_text(encoding="utf-8")).body if hasattr(node, "name")}
    for name, one in applications.items():
        module, _, function = one["import_path"].partition(":")
        assert (module, one["route_prefix"]) == ("surtitle.inference.app", f"/models/{name}")
        (deployment,) = one["deployments"]
        assert {function, deployment["name"]} <= defined
        assert set(deployment) == {"name", "ray_actor_options", "autoscaling_config"}
