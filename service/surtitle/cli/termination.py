"""Signals that end a command."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = ("SIGTERM", "SIGHUP")  # a computer that shuts down, a terminal that is closed; Windows has no SIGHUP


@contextmanager
def interrupt_on_termination() -> Iterator[None]:
    """Let these signals raise KeyboardInterrupt, as Ctrl-C does, so that work is kept. For the main thread."""
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
