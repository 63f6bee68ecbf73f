"""The pool of loaded engines."""

from __future__ import annotations

from pathlib import Path

from surtitle.core.notifier import Notifier
from surtitle.core.settings import Settings
from surtitle.model_files.kind import ModelKind
from surtitle.models.pool import IdlePolicy, ModelPool
from surtitle.speech.engine import Engine
from surtitle.speech.kinds import EngineOptions, find_model

_MAX_IDLE = 2  # models kept that no source uses
_MIN_IDLE_TIME = 60.0  # seconds that a model is always kept, for the source that just requested it


def create_engine_pool(settings: Settings, changes: Notifier) -> ModelPool[Engine]:
    """An empty pool for models of every kind of engine. If no source waits, a download is stopped.

    ``changes`` is notified of their progress.
    """
    options = EngineOptions(policy=settings.policy)

    def load(directory: Path | None, model: str) -> Engine:
        return find_model(model).load(directory, options)

    idle = IdlePolicy(_MAX_IDLE, _MIN_IDLE_TIME, finish_downloads=False)
    return ModelPool(_find_files, load, lambda engine: engine.close(), idle, changes)


def _find_files(model: str) -> tuple[ModelKind, str] | None:
    """Raises `ModelError`."""
    found = find_model(model)
    found.check()
    return (found.kind.files, found.name) if found.kind.files else None
