"""Progress bars in the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from surtitle.models.catalogue import KIND, Kind
from surtitle.models.download import download


def progress_bar(*columns: ProgressColumn) -> Progress:
    """On standard error: what it is, how far it is, ``columns``, how long it will take."""
    shown = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), *columns)
    return Progress(*shown, TimeRemainingColumn(), console=Console(stderr=True))


def fetch(model: str, kind: Kind = KIND) -> Path:
    """Download a model and show how far it is; its directory. Raises `ModelError`."""
    with progress_bar(DownloadColumn()) as progress:
        task = progress.add_task(model, total=None)
        return download(model, lambda done, total: progress.update(task, completed=done, total=total), kind=kind)
