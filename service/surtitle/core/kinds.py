"""Kinds of recognizers and diarizers, which packages add by entry points, and names such as "kind:model"."""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Protocol, TypeVar

from surtitle.core.processes import is_packaged

_NAME = re.compile(r"[a-z][a-z0-9._-]+", re.ASCII)  # at least two characters: "c:" begins a path on Windows


class Named(Protocol):
    """What all kinds have."""

    @property
    def name(self) -> str:
        """The name of its entry point."""


Kind = TypeVar("Kind", bound=Named)


def load_kinds(group: str, own: Sequence[Kind], log: logging.Logger) -> dict[str, Kind]:
    """The kinds by their names: ``own``, then others of Surtitle, then those of other packages.

    Those in ``own`` are there even if the entry points of an older installation are not those of this version. A kind
    of another package that cannot be loaded is left out, and logged.
    """
    kinds: dict[str, Kind] = {kind.name: kind for kind in own}
    found = sorted(entry_points(group=group), key=lambda point: (not point.value.startswith("surtitle."), point.name))
    for point in found:
        if point.name in kinds:
            continue
        try:
            kinds[point.name] = point.load()
        except Exception as error:
            log.warning("%s of %s (%s) cannot be loaded: %s", point.name, group, point.value, error)
    return kinds


def split_kind(name: str) -> tuple[str, str] | None:
    """The kind and the rest of a name such as "whisper.cpp:base"; None if it has no kind. The kind need not exist."""
    kind, colon, rest = name.partition(":")
    return (kind, rest) if colon and _NAME.fullmatch(kind) else None


def describe_missing(title: str, package: str, extra: str, further: str = "") -> str:
    """The problem of a kind that needs ``package`` from an extra of Surtitle; "" if it is installed.

    ``further`` is appended to the command that installs the extra.
    """
    try:
        if importlib.util.find_spec(package) is not None:
            return ""
    except (ImportError, ValueError):
        pass
    command = f"pip install 'surtitle[{extra}]'{further}"
    if is_packaged():
        return f"The downloaded program cannot use {title}: install Surtitle with `{command}`."
    return f"{title} is not installed: run `{command}`."
