"""Bounds in pyproject.toml, and the locks that are made from them."""

from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.installation.requirements import LOCKS, ROOT, all_declared, declared, locked


def test_every_dependency_has_a_lower_and_an_upper_bound() -> None:
    for requirement in all_declared():
        operators = {bound.operator for bound in requirement.specifier}
        assert operators == {">=", "<"}, f"{requirement}: give it a lower and an upper bound in pyproject.toml"


@pytest.mark.parametrize(("name", "extras"), LOCKS.items())
def test_a_lock_has_what_is_required(name: str, extras: tuple[str, ...]) -> None:
    lock = locked(name)
    for requirement in declared(*extras):
        exact = lock.get(canonicalize_name(requirement.name))
        assert exact is not None, f"requirements/{name}.txt has no {requirement.name}: run `make lock`"
        (pin,) = exact.specifier
        assert pin.operator == "=="
        assert Version(pin.version) in requirement.specifier, f"{exact} is not {requirement}: run `make lock`"


def test_locks_agree() -> None:
    versions: dict[str, set[str]] = {}
    for name in LOCKS:
        for package, exact in locked(name).items():
            versions.setdefault(package, set()).add(str(exact.specifier))
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_locks_name_no_index() -> None:
    for name in LOCKS:
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        assert "://" not in text
        assert "--index" not in text
