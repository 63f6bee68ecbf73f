"""The pool of Whisper models."""

from __future__ import annotations

from pathlib import Path

from surtitle.core.errors import ModelError
from surtitle.core.notifier import Notifier
from surtitle.core.settings import Settings
from surtitle.models.catalogue import WHISPER
from surtitle.models.check import check_directory
from surtitle.models.pool import IdlePolicy, ModelPool
from surtitle.speech.whisper.engine import WhisperEngine

_MAX_IDLE = 2  # models kept that no source uses
_MIN_IDLE_TIME = 60.0  # seconds that a model is always kept, for the source that just requested it


def create_whisper_pool(settings: Settings, changes: Notifier) -> ModelPool[WhisperEngine]:
    """An empty pool; its models commit words according to ``settings``. If no source waits, a download is stopped.

    ``changes`` is notified of their progress.
    """

    def load(directory: Path, model: str) -> WhisperEngine:
        own = WHISPER.local_directory(model) is not None
        check_directory(directory, None if own else model)
        try:
            return WhisperEngine(directory, model, policy=settings.policy)
        except ModelError as error:
            if own:
                raise
            raise ModelError(
                f"Cannot load the Whisper model “{model}” ({error.__cause__ or error}): if its files are damaged, "
                f"remove them with `surtitle models remove {model}` and download it again."
            ) from error

    idle = IdlePolicy(_MAX_IDLE, _MIN_IDLE_TIME, finish_downloads=False)
    return ModelPool(WHISPER, load, WhisperEngine.close, idle, changes)
