"""How the C library keeps memory. Only glibc is asked; elsewhere this does nothing."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from typing import Any

_M_ARENA_MAX = -8  # malloc.h of glibc
_ARENAS = 2
_REST = 60.0  # seconds between two times at which memory is given back


def limit_malloc_arenas() -> None:
    """Let all threads share a few heaps; call before there are threads.

    glibc gives every thread a heap of its own and never takes back what is free in the middle of it:
    with recognition in changing threads, memory would creep up for hours.
    """
    if (mallopt := _function("mallopt")) is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)


async def trim_heap_periodically() -> None:
    """Give back what a rare peak has left behind, again and again until cancelled."""
    while True:
        await asyncio.sleep(_REST)
        await asyncio.to_thread(trim_heap)


def trim_heap() -> None:
    """Give the pages back to the system that are free in the middle of heaps; takes milliseconds."""
    if (malloc_trim := _function("malloc_trim")) is not None:
        malloc_trim(ctypes.c_size_t(0))


def _function(name: str) -> Any:
    """A function of the C library, None where it has none of that name (musl, macOS, Windows)."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
