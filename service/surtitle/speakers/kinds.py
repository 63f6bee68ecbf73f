"""The kinds of diarizers, and the names of their models: "sortformer:FILE.nemo", "diart:FOLDER", "pool:NAME".

A package adds a kind by an entry point in the group `surtitle.diarizers`; docs/engines-own.md describes it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from surtitle.core.errors import ModelError
from surtitle.core.kinds import load_kinds, split_kind
from surtitle.speakers.model import SpeakerModel

log = logging.getLogger("surtitle.speakers")

GROUP = "surtitle.diarizers"
"""The group of entry points, each of which is a `DiarizerKind`."""
DEFAULT = "sortformer"
"""The kind of models that are named without one."""


class DiarizerKind(Protocol):
    """A kind of diarizer. Importing and asking it loads neither a library nor a model."""

    @property
    def name(self) -> str:
        """The name of its entry point: lower-case letters, digits, "." and "-"."""

    @property
    def title(self) -> str:
        """Its name for people."""

    @property
    def default(self) -> str:
        """The model for a person who names none; "" if one must be named."""

    def problem(self) -> str:
        """Why it cannot be used here, in one sentence that says what to do, such as which line installs it; or ""."""

    def check_model(self, model: str) -> None:
        """Check that the model can exist, without loading it or asking a hub. Raises `ModelError`."""

    def load(self, model: str) -> SpeakerModel:
        """Load a model, which may be downloaded. Any error is reported as the reason why it cannot be loaded."""


@dataclass(frozen=True, slots=True)
class DiarizerModel:
    """A model of a kind: ``name`` is that within the kind."""

    kind: DiarizerKind
    name: str

    def problem(self) -> str:
        """Why it cannot be used here, in one sentence that says what to do; or ""."""
        return self.kind.problem()

    def check(self) -> None:
        """Check that the kind can be used, and the model can exist. Raises `ModelError`."""
        if problem := self.problem():
            raise ModelError(problem)
        self.kind.check_model(self.name)

    def load(self) -> SpeakerModel:
        """Load it; see `DiarizerKind.load`."""
        return self.kind.load(self.name)


@cache
def diarizer_kinds() -> Mapping[str, DiarizerKind]:
    """The installed kinds by their names, Surtitle's own first. A broken one of another package is left out."""
    from surtitle.speakers.pool_kind import KIND as POOL
    from surtitle.speakers.sortformer_kind import KIND as SORTFORMER

    return load_kinds(GROUP, (SORTFORMER, POOL), log)


def find_diarizer(model: str) -> DiarizerModel:
    """The model of that name, which need not be on this computer. Raises `ModelError` if its kind is not installed."""
    kinds = diarizer_kinds()
    kind, name = split_kind(model) or ((model, "") if model in kinds else (DEFAULT, model))
    found = kinds.get(kind)
    if found is None:
        raise ModelError(f"There is no diarizer “{kind}”: choose one of {', '.join(kinds)} with --speaker-model.")
    name = name or found.default
    if not name:
        raise ModelError(f"The diarizer “{kind}” needs a model: write --speaker-model {kind}:NAME.")
    return DiarizerModel(found, name)
