"""Returns unused heap memory to the system. Works with glibc only; with other C libraries it does nothing."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from typing import Any

_M_ARENA_MAX = -8  # malloc.h of glibc
_MAX_ARENAS = 2
_TRIM_INTERVAL = 60.0  # seconds


def limit_malloc_arenas() -> None:
    """Make all threads share a few heaps; call it before there are threads.

    glibc gives every thread its own heap and never frees unused memory in the middle of one: with recognition in
    changing threads, memory use would creep up for hours.
    """
    if (mallopt := _find_libc_function("mallopt")) is not None:
        mallopt(_M_ARENA_MAX, _MAX_ARENAS)


async def trim_heap_periodically() -> None:
    """Free what rare peaks have left behind, until cancelled."""
    while True:
        await asyncio.sleep(_TRIM_INTERVAL)
        await asyncio.to_thread(trim_heap)


def trim_heap() -> None:
    """Return pages that are free in the middle of heaps to the system; takes milliseconds."""
    if (malloc_trim := _find_libc_function("malloc_trim")) is not None:
        malloc_trim(ctypes.c_size_t(0))


def _find_libc_function(name: str) -> Any:
    """A function of the C library, or None if it has none of this name (musl, macOS, Windows)."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
