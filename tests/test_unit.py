"""How unit tests are told from others, and that they start nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import unit
from tests.support import running

TESTS = Path(__file__).parent


@pytest.fixture
def started() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def helper() -> None:
    running()


def _calls_a_helper() -> None:
    helper()


def _starts_inside() -> None:
    def inside() -> None:
        helper()

    inside()


class Helper:
    def start(self) -> None:
        helper()


def _makes_an_object() -> None:
    Helper()


def _is_none() -> None:
    re.compile("")


def test_a_test_that_reaches_a_starter_is_not_a_unit_test() -> None:
    for function in (_calls_a_helper, _starts_inside, _makes_an_object, started):
        assert unit._reaches_starter([function])
    assert not unit._reaches_starter([_is_none])


@pytest.mark.usefixtures("started")
def test_this_test_is_not_one_because_of_its_fixture(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("unit") is None


def test_this_test_is_one(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("unit") is not None


def test_a_unit_test_that_starts_a_process_fails() -> None:
    with unit.no_processes("tests/some.py::test"), pytest.raises(AssertionError, match=r"tests/some\.py::test starts"):
        subprocess.run([sys.executable, "-c", ""], check=False)


def test_tests_use_every_starter() -> None:
    code = [
        path.read_text(encoding="utf-8") for path in TESTS.rglob("*.py") if path.name not in ("unit.py", "test_unit.py")
    ]
    text = "\n".join(code)
    assert [name for name in sorted(unit.STARTERS) if not re.search(rf"\b{name}\b", text)] == []
