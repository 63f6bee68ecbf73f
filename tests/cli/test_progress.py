"""Progress bars."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from surtitle.cli import progress
from surtitle.cli.progress import progress_bar


def test_the_percentage_is_seen_whatever_the_names_are(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80)
    monkeypatch.setattr(progress, "Console", lambda stderr: console)
    with progress_bar() as bar:
        bar.update(bar.add_task("a name " * 30, total=100), completed=42)
    assert " 42 %" in screen.getvalue()
