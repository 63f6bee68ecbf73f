"""How the C library keeps memory."""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8  # malloc.h of glibc
_ARENAS = 2


def share_arenas() -> None:
    """Let all threads share a few heaps; call before there are threads.

    glibc gives every thread a heap of its own and never takes back what is free in the middle of it:
    with recognition in changing threads, memory would creep up for hours. Elsewhere this does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
