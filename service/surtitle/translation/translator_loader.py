"""Loads the translation model that a channel needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from surtitle.core.errors import SurtitleError
from surtitle.core.notifier import Notifier
from surtitle.core.wire.models import LoadState
from surtitle.translation.translators import LoadedTranslator, Translators

log = logging.getLogger("surtitle.translation")

_RETRY_DELAY = 30.0  # seconds until a model that could not be loaded is tried again

NO_MODEL = (
    "Translations need a model: choose one in the dashboard under Translation, "
    "or start the service with --translation-model."
)


class TranslatorLoader:
    """Loads one model at a time, and tries again if that fails. Owns the task that does this.

    ``on_retry`` is called before a model is tried after another one, or the same, could not be loaded; ``changes`` is
    notified when a model is loaded or cannot be.
    """

    def __init__(self, translators: Translators, on_retry: Callable[[], None], changes: Notifier) -> None:
        self.model: str | None = None
        """The name or directory of the model that was selected."""
        self.loaded: LoadedTranslator | None = None
        self.failure = NO_MODEL
        """Why there is no model, in one sentence; empty while it is loading, and once it is loaded."""
        self._translators = translators
        self._on_retry = on_retry
        self._changes = changes
        self._task: asyncio.Task[None] | None = None

    @property
    def fetching(self) -> bool:
        """Whether the model is being downloaded."""
        progress = self._translators.progress(self.model or "")
        return progress is not None and progress.state is LoadState.FETCHING

    def select(self, model: str | None) -> None:
        """Load this model, unless that was done already; None stands for no model."""
        if model == self.model:
            return
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self.model, self.loaded = model, None
        if model is None:
            self.failure = NO_MODEL
        else:
            self._begin()
            self._task = asyncio.create_task(self._load(model), name=f"load {model}")
        self._changes.notify()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _begin(self) -> None:
        if self.failure:
            self._on_retry()
        self.failure = ""

    async def _load(self, model: str) -> None:
        while self.loaded is None:
            try:
                self.loaded = await self._translators.get(model)
            except SurtitleError as error:
                self.failure = error.message
            except Exception:
                log.exception("loading the translation model %s failed", model)
                self.failure = "The model could not be loaded."
            self._changes.notify()
            if self.loaded is None:
                await asyncio.sleep(_RETRY_DELAY)
                self._begin()
