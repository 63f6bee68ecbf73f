"""The loaded translation models, which all channels share."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from surtitle.core.notifier import Notifier
from surtitle.model_files.kind import ModelKind
from surtitle.models.pool import IdlePolicy, ModelPool
from surtitle.translation.models import NLLB, is_converted, is_on_pool
from surtitle.translation.translator import Text, Translator

_NICENESS = 10  # added to a translator's niceness: captions get the processor first


class LoadedTranslator:
    """A translator with the one thread that runs it, in which all channels take turns."""

    def __init__(self, translator: Translator, on_close: Callable[[], None] = lambda: None) -> None:
        self.translator = translator
        self._on_close = on_close
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="translate", initializer=_lower_priority)

    async def translate(self, texts: Sequence[Text]) -> list[str]:
        """See `Translator.translate`."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.translator.translate, texts)

    def close(self) -> None:
        self._pool.shutdown(wait=False)
        self._on_close()


Translators = ModelPool[LoadedTranslator]
"""The models that are loaded or being loaded."""


def create_translators(changes: Notifier | None = None) -> Translators:
    """An empty pool. Models that no channel uses are unloaded at once, but their downloads are finished.

    ``changes`` is notified of their progress.
    """
    return ModelPool(
        _find_files,
        _load_translator,
        LoadedTranslator.close,
        IdlePolicy(0, 0.0, finish_downloads=True),
        changes,
    )


def _find_files(model: str) -> tuple[ModelKind, str] | None:
    return None if is_on_pool(model) else (NLLB, model)


def _load_translator(directory: Path | None, model: str) -> LoadedTranslator:
    if is_on_pool(model):
        from surtitle.translation.pool import PoolTranslator

        translator = PoolTranslator(model)
        return LoadedTranslator(translator, translator.close)
    assert directory is not None
    return LoadedTranslator(load(directory, model))


def load(directory: Path, model: str) -> Translator:
    """Load the translator in a model's directory. Takes seconds: call it in a thread. Raises `ModelError`."""
    _lower_priority()  # threads started by a library inherit the niceness
    if is_converted(directory):
        from surtitle.translation.ctranslate import CTranslate2Translator

        return CTranslate2Translator(directory, model)
    from surtitle.translation.transformer import TransformersTranslator

    return TransformersTranslator(directory, model)


def _lower_priority() -> None:
    """Lower the priority of this thread, which only Linux can do for a single thread."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)
