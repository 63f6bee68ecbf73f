"""What pyproject.toml requires, and what the locks make of it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = {
    "run": ("postgresql",),
    "program": ("microphone", "desktop", "program-build"),
    "test": ("test",),
    "bench": ("bench",),
    "torch": ("test", "torch-test", "translation", "diarization", "diart", "ray"),
    "pool": ("ray",),
}
"""The files in `requirements/` and the extras that each is for."""


def declared(*extras: str) -> list[Requirement]:
    """The requirements of the package itself and of ``extras``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    return [Requirement(line) for group in (project["dependencies"], *map(optional.get, extras)) for line in group]


def all_declared() -> list[Requirement]:
    """The requirements of the package and of all its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return declared(*project["optional-dependencies"])


def locked(name: str) -> dict[str, Requirement]:
    """The lines of a lock, by the normalized name of the package."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}
