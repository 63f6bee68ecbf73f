"""What the dashboard can do with the program that runs the service on a person's computer."""

from __future__ import annotations

from typing import Protocol

from surtitle.core.notifier import Notifier
from surtitle.core.wire.status import ProgramStatus


class ProgramControl(Protocol):
    """The program. Its methods are called in the event loop, and raise `SurtitleError`."""

    def attach(self, changes: Notifier) -> None:
        """Begin: ``changes`` is to be notified of changes of `describe`."""

    async def close(self) -> None:
        """End the tasks that `attach` and the other methods have started."""

    def describe(self) -> ProgramStatus: ...

    async def set_autostart(self, enabled: bool) -> None: ...

    async def set_check_for_updates(self, enabled: bool) -> None: ...

    def check_for_update(self) -> None:
        """Start looking for a newer version."""

    def fetch_update(self) -> None:
        """Start downloading the newer version."""

    def restart_for_update(self) -> None:
        """End, and start again as the newer version."""

    def open_logs(self) -> None:
        """Open the folder of the log on this computer."""

    def quit(self) -> None:
        """End the program."""
