"""Starts the app, or opens the dashboard of the service that runs, which needs none of the imports of the service."""

from __future__ import annotations

import faulthandler
import html
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import click

from surtitle.core import logs
from surtitle.core.announcement import find_announcement
from surtitle.core.errors import SurtitleError
from surtitle.core.files import describe_unusable
from surtitle.core.settings import Settings
from surtitle.desktop.location import LOG_FILE, LOG_FOLDER
from surtitle.desktop.single_instance import AlreadyRunning, SingleInstance

log = logging.getLogger("surtitle.desktop")

T = TypeVar("T")

_OTHER_TIMEOUT = 60.0  # seconds until another one that is starting answers, or one that is ending has ended
_POLL_INTERVAL = 0.2  # seconds


class _ServiceRuns(Exception):
    """A service that uses the data folder answers at ``url``."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


def run_app(
    settings: Settings, data_dir: Path, options: list[str], *, background: bool, failed_update: str | None
) -> None:
    """Run until somebody quits; if the app or `surtitle serve` uses the data folder, open its dashboard and return.

    ``options`` are those with which the app starts again, and ``background`` opens no dashboard. Raises
    `SurtitleError` and OSError, after having shown the error in the browser.
    """
    try:
        with _wait_while(AlreadyRunning, data_dir, lambda: _reserve(data_dir)):
            logs.configure(verbose=False, file=LOG_FOLDER / LOG_FILE)
            faulthandler.enable((LOG_FOLDER / "crash.log").open("w"))
            from surtitle.desktop.app import App
            from surtitle.store.folder_lock import FolderInUse

            app = _wait_while(FolderInUse, data_dir, lambda: App(settings, data_dir, options, failed_update))
            app.run(background=background)
    except _ServiceRuns as other:
        log.info("Surtitle is running already, at %s", other.url)
        if not background:
            click.launch(f"{other.url}/")
    except (SurtitleError, OSError) as error:
        _show_problem(str(error))
        raise


def _reserve(data_dir: Path) -> SingleInstance:
    """Raises `AlreadyRunning`, and `SurtitleError` if the folder cannot be used."""
    try:
        return SingleInstance(data_dir)
    except OSError as error:
        raise SurtitleError(describe_unusable(data_dir, error)) from error


def _wait_while(busy: type[SurtitleError], data_dir: Path, start: Callable[[], T]) -> T:
    """``start`` again while it raises ``busy`` because another one uses the folder and starts or ends.

    Raises `_ServiceRuns` once that answers, and ``busy`` if it does neither in a minute.
    """
    deadline = time.monotonic() + _OTHER_TIMEOUT
    while True:
        try:
            return start()
        except busy as error:
            other = find_announcement(data_dir)
            if other is not None:
                raise _ServiceRuns(other.url) from error
            if time.monotonic() > deadline:
                raise
        time.sleep(_POLL_INTERVAL)


def _show_problem(message: str) -> None:
    """Show why the app cannot run as a page in the browser: it has no console and no window."""
    log.error("%s", message)
    page = LOG_FOLDER / "problem.html"
    text = f"<p>{html.escape(message)}</p><p>{html.escape(str(LOG_FOLDER / LOG_FILE))}</p>"
    with suppress(OSError):
        LOG_FOLDER.mkdir(parents=True, exist_ok=True)
        page.write_text(
            f'<!doctype html><meta charset="utf-8"><title>Surtitle</title><h1>Surtitle</h1>{text}', encoding="utf-8"
        )
        click.launch(page.as_uri())
