"""The kinds of engines that are installed, and the names of models: "base", "whisper.cpp:base", "pocketsphinx".

A package adds a kind by an entry point in the group `surtitle.engines`; docs/engines-own.md describes it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from surtitle.core.errors import ModelError
from surtitle.core.kinds import load_kinds, split_kind
from surtitle.model_files.kind import ModelKind
from surtitle.speech.engine import Engine

log = logging.getLogger("surtitle.speech")

GROUP = "surtitle.engines"
"""The group of entry points, each of which is an `EngineKind`."""
DEFAULT = "whisper"
"""The kind of models that are named without one."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """The service's settings for engines, each of which ignores those that it does not support."""

    policy: str = "align-att"
    """The policy that decides when words are committed; one of `surtitle.core.settings.POLICIES`."""


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model that a kind offers, by its name within the kind; ``bytes`` is the approximate size of its files."""

    name: str
    bytes: int | None = None


class EngineKind(Protocol):
    """A kind of speech recognizer. Importing and asking it loads neither a library nor a model."""

    @property
    def name(self) -> str:
        """The name of its entry point: lower-case letters, digits, "." and "-", such as "whisper.cpp"."""

    @property
    def title(self) -> str:
        """Its name for people."""

    @property
    def local(self) -> bool:
        """Whether it recognizes on this computer; otherwise sound is sent to another one, which people are told."""

    @property
    def files(self) -> ModelKind | None:
        """How the files of its models are named, found and downloaded; None if they have none."""

    @property
    def models(self) -> Sequence[OfferedModel]:
        """The models that are offered to a person; others may exist.

        None, without `files`, means that there is only `default`: then the kind's name is also that of its model.
        """

    @property
    def default(self) -> str:
        """The model for a person who names none; "" if one must be named."""

    def problem(self) -> str:
        """Why it cannot be used here, in one sentence that says what to do, such as which line installs it; or ""."""

    def load(self, directory: Path | None, model: str, options: EngineOptions) -> Engine:
        """Load a model; takes seconds, call in a thread. Raises `ModelError`.

        ``directory`` is what `files` found: a directory, or a single file; None without `files`. ``model`` is its name
        with the kind ("whisper.cpp:base"), which is also the engine's `model`; `split_name` has its parts.
        """


@dataclass(frozen=True, slots=True)
class EngineModel:
    """A model of a kind: ``name`` is that within the kind, ``full_name`` the one that a person gave."""

    kind: EngineKind
    name: str
    full_name: str

    @property
    def noun(self) -> str:
        return self.kind.files.noun if self.kind.files else f"{self.kind.title} model"

    def check(self) -> None:
        """Check that the model can exist and the kind be used here, without looking at files. Raises `ModelError`."""
        if problem := self.kind.problem():
            raise ModelError(problem)
        if self.kind.files is not None:
            self.kind.files.check_name(self.name)
        elif has_one_model(self.kind) and self.name != self.kind.default:
            raise _only_model(self.kind, self.name)

    def on_disk(self) -> Path | None:
        """Where the files are; None if they are not on this computer, or there are none. Raises `ModelError`."""
        return self.kind.files.on_disk(self.name) if self.kind.files else None

    def is_local(self) -> bool:
        """Whether nothing has to be downloaded before it is loaded. Raises `ModelError`."""
        return self.kind.files is None or self.on_disk() is not None

    def load(self, directory: Path | None, options: EngineOptions = EngineOptions()) -> Engine:
        """Load it; takes seconds, call in a thread. Raises `ModelError`."""
        if problem := self.kind.problem():
            raise ModelError(problem)
        return self.kind.load(directory, self.full_name, options)


@cache
def engine_kinds() -> Mapping[str, EngineKind]:
    """The installed kinds by their names, Surtitle's own first. A broken one of another package is left out."""
    from surtitle.speech.pocketsphinx.kind import KIND as POCKETSPHINX
    from surtitle.speech.whisper.kind import KIND as WHISPER

    return load_kinds(GROUP, (WHISPER, POCKETSPHINX), log)


def split_name(model: str) -> tuple[str, str]:
    """The kind and the name within the kind of a model such as "whisper.cpp:base". The kind need not exist."""
    if (parts := split_kind(model)) is not None:
        return parts
    kinds = engine_kinds()
    if model in kinds and model != DEFAULT:
        return model, kinds[model].default
    return DEFAULT, model


def find_model(model: str) -> EngineModel:
    """The model of that name, which need not be on this computer. Raises `ModelError` if its kind is not installed."""
    kind, name = split_name(model)
    found = engine_kinds().get(kind)
    if found is None:
        raise ModelError(f"There is no recognizer “{kind}”: choose one of {', '.join(engine_kinds())}.")
    if not name and kind != DEFAULT:
        raise ModelError(f"The recognizer “{kind}” needs a model: write {kind}:NAME.")
    return EngineModel(found, name, model)


def has_one_model(kind: EngineKind) -> bool:
    """Whether the kind has only its default model, whose name is that of the kind."""
    return kind.files is None and not kind.models


def _only_model(kind: EngineKind, model: str) -> ModelError:
    return ModelError(
        f"The recognizer “{kind.name}” has one model only, which is not “{model}”: leave out the model, or choose "
        "another recognizer."
    )


def name_model(engine: str, model: str | None) -> str | None:
    """The name of the ``model`` of a kind ("base" of "whisper.cpp" is "whisper.cpp:base"), or of its default.

    None if the service is to choose: for "auto" without a model. Raises `ModelError`.
    """
    kind = engine_kinds().get(engine)
    if kind is None:
        return model
    if has_one_model(kind):
        if model and model.removeprefix(f"{engine}:") not in (engine, kind.default):
            raise _only_model(kind, model)
        return engine
    if not model:
        if not kind.default:
            return None
        return f"{engine}:{kind.default}"
    own = model.partition(":")[0]
    if own == engine or (engine == DEFAULT and own not in engine_kinds()):
        return model
    if own in engine_kinds():
        raise ModelError(f"“{model}” is not a model of the recognizer “{engine}”: choose another model, or “{own}”.")
    return f"{engine}:{model}"
