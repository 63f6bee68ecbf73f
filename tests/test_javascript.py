"""The JavaScript of the pages and the extension: types, style, and the modules that need no browser, in Node."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts.protocol_types import files
from tests.support import need_node, need_package

ROOT = Path(__file__).parents[1]
PROJECTS = [".", "chrome-extension", "chrome-extension/capture/worklet", "tests"]
TESTS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.test.js"))


def run(*command: str | Path) -> None:
    done = subprocess.run(
        [*map(str, command)], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("project", PROJECTS)
def test_types(project: str) -> None:
    run(need_node(), need_package("typescript/bin/tsc"), "--project", project)


def test_style() -> None:
    run(need_node(), need_package("eslint/bin/eslint.js"), "--max-warnings=0", ".")


@pytest.mark.parametrize("file", TESTS)
def test_modules(file: str) -> None:
    run(need_node(), "--test", "--test-reporter=spec", file)


def test_generated_files_are_up_to_date() -> None:
    for path, text in files().items():
        assert path.read_text(encoding="utf-8") == text, "run python scripts/protocol_types.py"


def test_pages_and_extension_have_the_same_connection() -> None:
    pages = ROOT / "obs_overlay" / "static" / "shared" / "connection.js"
    assert pages.read_bytes() == (ROOT / "chrome-extension" / "shared" / "connection.js").read_bytes()
