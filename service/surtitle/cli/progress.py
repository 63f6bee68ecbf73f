"""Progress bars in the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column

from surtitle.model_files.kind import ModelKind
from surtitle.models.download import download
from surtitle.speech.whisper.kind import WHISPER

_MAX_DESCRIPTION, _BAR_WIDTH = 36, 20  # characters: with the numbers, they fit into a terminal of 80


def progress_bar(*columns: ProgressColumn) -> Progress:
    """A progress bar on standard error: description, bar, percentage, ``columns``, time remaining."""
    # in a narrow terminal, the description is cut rather than the numbers
    description = Column(no_wrap=True, overflow="ellipsis", max_width=_MAX_DESCRIPTION)
    first = (
        TextColumn("{task.description}", markup=False, table_column=description),
        BarColumn(_BAR_WIDTH),
        TextColumn("{task.percentage:>3.0f} %"),
    )
    return Progress(*first, *columns, TimeRemainingColumn(), console=Console(stderr=True))


def fetch(model: str, kind: ModelKind = WHISPER) -> Path:
    """Download a model with a progress bar, and return its directory. Raises `ModelError`."""
    with progress_bar(DownloadColumn()) as progress:
        task = progress.add_task(model, total=None)
        return download(model, lambda done, total: progress.update(task, completed=done, total=total), kind=kind)
