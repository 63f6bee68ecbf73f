"""Starting the app where a service runs already."""

from __future__ import annotations

from pathlib import Path

import pytest

from surtitle.core.settings import Settings
from surtitle.desktop import run
from surtitle.store.folder_lock import FolderInUse


class _AppWithoutFolder:
    def __init__(self, *_: object) -> None:
        raise FolderInUse("Another Surtitle service is using the folder.")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Addresses that were opened in a browser, by an app whose folder a service uses."""
    addresses: list[str] = []
    monkeypatch.setattr("click.launch", addresses.append)
    monkeypatch.setattr("surtitle.desktop.app.App", _AppWithoutFolder)
    monkeypatch.setattr(run, "LOG_FOLDER", tmp_path)
    monkeypatch.setattr("surtitle.core.logs.configure", lambda **_: None)
    monkeypatch.setattr("faulthandler.enable", lambda file: file.close())
    return addresses


@pytest.mark.parametrize("background", [False, True])
def test_the_dashboard_of_the_service_that_uses_the_folder_is_opened(
    opened: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, background: bool
) -> None:
    monkeypatch.setattr(run, "is_running", lambda url, timeout: True)
    run.run_app(Settings(port=8123), tmp_path / "data", [], background=background, failed_update=None)
    assert opened == ([] if background else ["http://127.0.0.1:8123/"])


def test_a_service_elsewhere_is_reported(opened: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "is_running", lambda url, timeout: False)
    with pytest.raises(FolderInUse):
        run.run_app(Settings(), tmp_path / "data", [], background=False, failed_update=None)
    assert opened == [(tmp_path / "problem.html").as_uri()]
