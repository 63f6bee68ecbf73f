"""Ends tasks."""

from __future__ import annotations

import asyncio
from typing import Any

_REPEAT = 0.5  # seconds after which a task is cancelled again


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended. Their errors are discarded.

    A task is cancelled again when it continues: libraries may swallow a cancellation while they close a connection.
    """
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_REPEAT)
    await asyncio.gather(*tasks, return_exceptions=True)
