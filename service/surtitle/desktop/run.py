"""Starts the app, or opens the dashboard of the one that runs, which needs none of the imports of the service."""

from __future__ import annotations

import faulthandler
import html
import logging
from contextlib import suppress
from pathlib import Path

import click

from surtitle.core import logs
from surtitle.core.errors import SurtitleError
from surtitle.core.files import describe_unusable
from surtitle.core.probe import is_running
from surtitle.core.settings import Settings
from surtitle.desktop.location import LOG_FILE, LOG_FOLDER
from surtitle.desktop.single_instance import AlreadyRunning, SingleInstance, wait_for_running

log = logging.getLogger("surtitle.desktop")

_OTHER_TIMEOUT = 60.0  # seconds until the dashboard of an app that is starting answers


def run_app(
    settings: Settings, data_dir: Path, options: list[str], *, background: bool, failed_update: str | None
) -> None:
    """Run until somebody quits; if the app or `surtitle serve` runs already, open its dashboard and return.

    ``options`` are those with which the app starts again, and ``background`` opens no dashboard. Raises
    `SurtitleError` and OSError, after having shown the error in the browser.
    """
    try:
        instance = SingleInstance(data_dir)
    except AlreadyRunning:
        running = wait_for_running(data_dir, _OTHER_TIMEOUT)
        if running is None:
            _show_problem("Surtitle is running already but does not answer: end it, or restart the computer.")
        elif not background:
            click.launch(f"{running.url}/")
        return
    except OSError as error:
        problem = describe_unusable(data_dir, error)
        _show_problem(problem)
        raise SurtitleError(problem) from error
    with instance:
        try:
            logs.configure(verbose=False, file=LOG_FOLDER / LOG_FILE)
            faulthandler.enable((LOG_FOLDER / "crash.log").open("w"))
            from surtitle.desktop.app import App

            App(settings, data_dir, options, instance, failed_update).run(background=background)
        except (SurtitleError, OSError) as error:
            from surtitle.store.folder_lock import FolderInUse

            if isinstance(error, FolderInUse) and is_running(settings.url, _OTHER_TIMEOUT):
                log.info("a service is running already, at %s", settings.url)
                if not background:
                    click.launch(f"{settings.url}/")
                return
            log.error("%s", error)
            _show_problem(str(error))
            raise


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
