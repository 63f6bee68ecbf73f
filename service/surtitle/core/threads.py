"""Threads whose result is awaited, and which never keep the process from ending."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def start_thread(name: str, function: Callable[[], T]) -> asyncio.Future[T]:
    """Run ``function`` in its own daemon thread; the future gets its result.

    For work that can take long (decoding a stream, loading a model): it would use up the threads of a pool, and those
    would keep the process alive at the end.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def succeed(result: T) -> None:
        if not future.cancelled():
            future.set_result(result)

    def fail(error: BaseException) -> None:
        if not future.cancelled():
            future.set_exception(error)
            future.exception()  # marks it as retrieved, so that asyncio does not log it; awaiting still raises it

    def run() -> None:
        with suppress(RuntimeError):  # the loop is closed, so nobody waits for the result
            try:
                result = function()
            except BaseException as error:
                loop.call_soon_threadsafe(fail, error)
            else:
                loop.call_soon_threadsafe(succeed, result)

    _Thread(target=run, name=name, daemon=True).start()
    return future


def end_process_if_busy() -> None:
    """End the process with status 0 if such a thread still runs, without taking down the interpreter.

    A library that loads a model meanwhile would crash: its threads outlive what they use.
    """
    if any(isinstance(thread, _Thread) for thread in threading.enumerate()):
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


class _Thread(threading.Thread):
    """A thread of `start_thread`."""
