"""Threads that belong to somebody and never keep the process from ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def start_thread(name: str, function: Callable[[], T]) -> asyncio.Future[T]:
    """Run ``function`` in a daemon thread of its own; the future has its result.

    For work that can last (decoding a stream, loading a model): a pool's threads would be used up
    by it, and would keep the process alive at the end.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def succeed(result: T) -> None:
        if not future.cancelled():
            future.set_result(result)

    def fail(error: BaseException) -> None:
        if not future.cancelled():
            future.set_exception(error)
            future.exception()  # marks it as seen: whoever awaits the future still gets it

    def run() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            try:
                result = function()
            except BaseException as error:
                loop.call_soon_threadsafe(fail, error)
            else:
                loop.call_soon_threadsafe(succeed, result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
