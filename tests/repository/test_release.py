"""`scripts/release.py`: versions and the changelog."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.release import ROOT, main, notes, problems, versions
from surtitle import __version__

CHANGELOG = """# Changelog

## [Unreleased]

- Later

## [1.2.3] - 2026-01-01

### Added

- Now

## [1.2.2] - 2025-01-01

- Before

[1.2.3]: https://example.org
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    package = tmp_path / "service" / "surtitle"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""A package."""\n\n__version__ = "1.2.3"\n')
    (tmp_path / "chrome-extension").mkdir()
    (tmp_path / "chrome-extension" / "manifest.json").write_text(json.dumps({"version": "1.2.3"}))
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_a_version_that_all_files_name_can_be_released(project: Path) -> None:
    assert problems(project, "1.2.3") == []


def test_files_of_another_version_are_named(project: Path) -> None:
    wrong = problems(project, "1.2.4")
    assert len(wrong) == 3
    assert "service/surtitle/__init__.py has version 1.2.3: change it to 1.2.4" in wrong
    assert any("CHANGELOG.md has no section [1.2.4]" in problem for problem in wrong)


def test_notes_are_those_of_the_version_alone(project: Path) -> None:
    assert notes(project, "1.2.3") == "### Added\n\n- Now"
    assert notes(project, "1.2.2") == "- Before"
    assert notes(project, "1.2") == ""


def test_this_repository_names_one_version_and_describes_it() -> None:
    assert set(versions(ROOT).values()) == {__version__}
    assert notes(ROOT, "Unreleased") or notes(ROOT, __version__)


def test_wrong_usage_is_answered_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish"]) == 2
    assert "Usage:" in capsys.readouterr().err
