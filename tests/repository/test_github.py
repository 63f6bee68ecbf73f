"""The files for GitHub parse, and name only targets, scripts and folders that the repository has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.installation.requirements import locked

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
OWN_FOLDERS = "benchmarks|chrome-extension|deploy|docs|obs_overlay|requirements|scripts|service|tests"


def load(path: Path) -> dict[Any, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def steps(workflow: dict[Any, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def commands(workflow: dict[Any, Any]) -> Iterator[str]:
    yield from (step["run"] for step in steps(workflow) if "run" in step)


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([\w./-]+):(?!=)", makefile, re.MULTILINE))


def test_there_are_workflows_for_tests_and_releases() -> None:
    assert {path.stem for path in WORKFLOWS} >= {"ci", "release"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_bounded_and_may_only_what_it_has_to(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}  # jobs that need more say so
    assert True in workflow or "on" in workflow  # YAML 1.1 reads the key `on` as true
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 90, f"{path.name}: give {name} a time-out"
        needs = job.get("needs", [])
        assert ({needs} if isinstance(needs, str) else set(needs)) <= set(workflow["jobs"])
    for step in steps(workflow):
        assert ("run" in step) != ("uses" in step)
        if "uses" in step:
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[\w./-]+", step["uses"]), step["uses"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_what_exists(path: Path) -> None:
    targets = make_targets()
    for command in commands(load(path)):
        for target in re.findall(r"^\s*make ([a-z]\S*)", command, re.MULTILINE):
            assert target in targets, f"{path.name}: the Makefile has no target {target}"
        for name in re.findall(rf"(?:^|[\s\"'])((?:{OWN_FOLDERS})/[\w./-]+|\.ci/run)", command):
            assert (ROOT / name).exists(), f"{path.name}: there is no {name}"


def test_the_locks_that_workflows_name_exist() -> None:
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"requirements/[\w*]+\.txt", text):
            assert list(ROOT.glob(name)), f"{path.name}: there is no {name}"


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_is_one(path: Path) -> None:
    form = load(path)
    assert {"name", "description", "body"} <= set(form)
    fields = [entry for entry in form["body"] if entry["type"] != "markdown"]
    assert len({entry["id"] for entry in fields}) == len(fields)
    for entry in fields:
        assert entry["type"] in ("checkboxes", "dropdown", "input", "textarea")
        assert entry["attributes"]["label"]


def test_dependabot_looks_where_something_is() -> None:
    manifests = {
        "pip": "pyproject.toml",
        "npm": "package.json",
        "docker": "Dockerfile",
        "github-actions": ".github/workflows",
    }
    for update in load(ROOT / ".github" / "dependabot.yml")["updates"]:
        folder = ROOT / update["directory"].strip("/")
        assert (folder / manifests[update["package-ecosystem"]]).exists()


def test_pre_commit_runs_programs_of_the_test_environment() -> None:
    programs = {"ruff", "codespell", "mypy"}
    assert programs <= set(locked("test"))
    hooks = [hook for repo in load(ROOT / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    local = {re.sub(r"\.venv/bin/", "", hook["entry"]).split()[0] for hook in hooks if "entry" in hook}
    assert local == programs


def test_revisions_that_blame_ignores_are_commits() -> None:
    lines = (ROOT / ".git-blame-ignore-revs").read_text(encoding="utf-8").splitlines()
    revisions = [line for line in lines if line and not line.startswith("#")]
    assert revisions
    for revision in revisions:
        assert re.fullmatch(r"[0-9a-f]{40}", revision)


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md"])
def test_links_lead_to_files(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / target).exists(), f"{name}: there is no {target}"


def test_make_targets_in_the_guide_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`make ([a-z]+)", text)) <= make_targets()
