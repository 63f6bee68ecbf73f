"""An event loop in a thread of its own, for code that is called in threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from surtitle.core.errors import EngineError

T = TypeVar("T")

_STOP_TIMEOUT = 5.0  # seconds


class EventLoopThread:
    """Runs coroutines for other threads."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._closing = threading.Lock()
        self._closed = False
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float) -> T:
        """The result of a coroutine, which is cancelled after ``timeout`` seconds. Raises `EngineError` then."""
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError as error:
            coroutine.close()
            raise EngineError("The recognizer is closed: start another source.") from error
        try:
            return future.result(timeout)
        except TimeoutError as error:
            future.cancel()
            raise EngineError("The recognizer does not answer: start another source.") from error
        except CancelledError as error:
            raise EngineError("The recognizer is closed: start another source.") from error

    def run_if_open(self, coroutine: Coroutine[Any, Any, None], timeout: float) -> None:
        """Run a coroutine unless the loop is closed, for cleaning up."""
        if self._closed:
            coroutine.close()
        else:
            self.run(coroutine, timeout)

    def close(self) -> None:
        """Cancel all that runs, and end the thread. More than once does no harm."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_TIMEOUT)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            if tasks:
                self._loop.run_until_complete(asyncio.wait(tasks, timeout=_STOP_TIMEOUT))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()
