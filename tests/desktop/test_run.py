"""Starting the app where a service uses its data folder already."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from surtitle.core.announcement import Announcement, announce
from surtitle.core.errors import SurtitleError
from surtitle.core.settings import Settings
from surtitle.desktop import run
from surtitle.desktop.single_instance import AlreadyRunning, SingleInstance
from surtitle.store.folder_lock import FolderInUse

URL = "http://127.0.0.1:8123"
THERE = Announcement(URL, "0.1.0")


class FakeApp:
    """Stands for the app. ``busy``: how many starts find the folder in use by a service."""

    busy = 0
    ran: list[bool]

    def __init__(self, *_: object) -> None:
        if FakeApp.busy:
            FakeApp.busy -= 1
            raise FolderInUse("Another Surtitle service is using the folder.")

    def run(self, *, background: bool) -> None:
        FakeApp.ran.append(background)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Addresses that were opened in a browser."""
    addresses: list[str] = []
    FakeApp.busy, FakeApp.ran = 0, []
    monkeypatch.setattr("click.launch", addresses.append)
    monkeypatch.setattr("surtitle.desktop.app.App", FakeApp)
    monkeypatch.setattr(run, "LOG_FOLDER", tmp_path)
    monkeypatch.setattr("surtitle.core.logs.configure", lambda **_: None)
    monkeypatch.setattr("faulthandler.enable", lambda file: file.close())
    return addresses


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def start(data: Path, *, background: bool = False) -> None:
    run.run_app(Settings(), data, [], background=background, failed_update=None)


def test_the_first_one_runs(opened: list[str], data: Path) -> None:
    start(data)
    assert FakeApp.ran == [False]
    assert opened == []


@pytest.mark.parametrize("background", [False, True])
def test_a_second_one_opens_the_dashboard_of_the_first(opened: list[str], data: Path, background: bool) -> None:
    with SingleInstance(data):
        announce(data, THERE)
        start(data, background=background)
    assert opened == ([] if background else [f"{URL}/"])
    assert FakeApp.ran == []


@pytest.mark.parametrize("background", [False, True])
def test_the_dashboard_of_a_service_that_uses_the_folder_is_opened(
    opened: list[str], data: Path, background: bool
) -> None:
    FakeApp.busy = 9
    announce(data, THERE)
    start(data, background=background)
    assert opened == ([] if background else [f"{URL}/"])
    assert FakeApp.ran == []


def test_one_that_is_starting_is_waited_for(opened: list[str], data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: announce(data, THERE))
    with SingleInstance(data):
        start(data)
    assert opened == [f"{URL}/"]


def test_one_that_is_ending_is_followed(opened: list[str], data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = SingleInstance(data)
    monkeypatch.setattr(time, "sleep", lambda _: first.release())
    FakeApp.busy = 2
    start(data)
    assert FakeApp.ran == [False]
    assert opened == []


@pytest.mark.parametrize("app", [False, True])
def test_one_that_does_not_answer_is_reported(
    opened: list[str], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, app: bool
) -> None:
    monkeypatch.setattr(run, "_OTHER_TIMEOUT", 0.0)
    FakeApp.busy = 9
    first = SingleInstance(data) if app else None
    with pytest.raises(AlreadyRunning if app else FolderInUse):
        start(data)
    assert opened == [(tmp_path / "problem.html").as_uri()]
    if first:
        first.release()


def test_a_folder_that_cannot_be_used_is_reported(opened: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SurtitleError, match=r"cannot be used .*--data-dir\.$"):
        start(tmp_path / "file" / "data")
    assert opened == [(tmp_path / "problem.html").as_uri()]
