"""The program as the dashboard controls it, over HTTP, with a service in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from surtitle.core.settings import Settings
from surtitle.core.wire.status import ProgramStatus, UpdateState
from surtitle.desktop import autostart
from surtitle.desktop import program as program_module
from surtitle.desktop.location import Location
from surtitle.desktop.program import Program
from surtitle.desktop.release import Release, UpdateError
from surtitle.web.app import create_app
from tests.support import Running

RELEASE = Release("9.0.0", "surtitle-9.0.0.tar.gz", 100, "https://releases.test/a", "https://releases.test/b")


class Parts:
    """Stands for the system, and for the server of the releases."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.autostart: list[str] | None = None
        self.release: Release | UpdateError | None = None
        self.failure: UpdateError | None = None
        self.checks = 0
        self.replaced: list[str] = []
        self.ended = 0
        monkeypatch.setattr(autostart, "is_enabled", lambda: self.autostart is not None)
        monkeypatch.setattr(autostart, "enable", self._enable)
        monkeypatch.setattr(autostart, "disable", lambda: self._enable(None))
        monkeypatch.setattr(autostart, "add_to_menu", lambda *_: None)
        monkeypatch.setattr(program_module, "find_update", self._find)
        monkeypatch.setattr(program_module, "download", self._download)
        monkeypatch.setattr(program_module, "unpack", lambda archive, folder, location: location)
        monkeypatch.setattr(program_module, "check_program", lambda *_: None)
        monkeypatch.setattr(program_module, "start_replacement", lambda *given: self.replaced.append(given[3]))

    def _enable(self, command: list[str] | None) -> None:
        self.autostart = command

    def _find(self) -> Release | None:
        self.checks += 1
        if isinstance(self.release, UpdateError):
            raise self.release
        return self.release

    def _download(self, release: Release, folder: Path, report: Callable[[int, int], None]) -> Path:
        report(50, 100)
        if self.failure:
            raise self.failure
        return folder / release.name

    def end(self) -> None:
        self.ended += 1


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    return Parts(monkeypatch)


def make_program(parts: Parts, tmp_path: Path, *, packaged: bool = True, failed: str | None = None) -> Program:
    location = Location(tmp_path / "Surtitle", tmp_path / "Surtitle" / "surtitle") if packaged else None
    return Program(location, tmp_path, ["--port", "8123"], parts.end, failed)


@pytest_asyncio.fixture
async def client(parts: Parts, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(engine="pocketsphinx"), program=make_program(parts, tmp_path))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client,
    ):
        yield client


async def act(client: httpx.AsyncClient, action: str) -> Any:
    return (await client.post(f"/api/program/{action}")).json()


async def wait_for(client: httpx.AsyncClient, state: UpdateState) -> Any:
    async with asyncio.timeout(60):
        while True:
            update = (await client.patch("/api/program", json={})).json()["update"]
            if update["state"] == state:
                return update
            await asyncio.sleep(0.01)


async def test_it_starts_with_the_computer(client: httpx.AsyncClient, parts: Parts) -> None:
    assert (await client.patch("/api/program", json={"autostart": True})).json()["autostart"]
    assert parts.autostart is not None
    assert parts.autostart[-4:] == ["app", "--port", "8123", "--background"]
    assert not (await client.patch("/api/program", json={"autostart": False})).json()["autostart"]
    assert parts.autostart is None


async def test_nothing_is_asked_for_unless_somebody_wants_it(
    client: httpx.AsyncClient, parts: Parts, tmp_path: Path
) -> None:
    assert parts.checks == 0
    assert (await client.patch("/api/program", json={"check_for_updates": True})).json()["check_for_updates"]
    await wait_for(client, UpdateState.CURRENT)
    assert parts.checks == 1
    assert make_program(parts, tmp_path).describe()["check_for_updates"]  # after a restart, too


async def test_an_update(client: httpx.AsyncClient, parts: Parts) -> None:
    parts.release = RELEASE
    assert (await act(client, "fetch"))["code"] == "program_failed"
    await act(client, "check")
    assert (await wait_for(client, UpdateState.AVAILABLE))["version"] == "9.0.0"
    assert (await act(client, "restart"))["code"] == "program_failed"
    await act(client, "fetch")
    await wait_for(client, UpdateState.READY)
    await act(client, "restart")
    assert parts.replaced == ["9.0.0"]
    assert parts.ended == 1


async def test_failures_are_shown_and_can_be_tried_again(client: httpx.AsyncClient, parts: Parts) -> None:
    parts.release = UpdateError("The server cannot be reached.")
    await act(client, "check")
    assert (await wait_for(client, UpdateState.FAILED))["message"] == "The server cannot be reached."
    parts.release, parts.failure = RELEASE, UpdateError("The download ended early.")
    await act(client, "check")
    await wait_for(client, UpdateState.AVAILABLE)
    await act(client, "fetch")
    assert (await wait_for(client, UpdateState.FAILED))["message"] == "The download ended early."
    parts.failure = None
    await act(client, "fetch")
    await wait_for(client, UpdateState.READY)


async def test_it_ends(client: httpx.AsyncClient, parts: Parts) -> None:
    await act(client, "quit")
    assert parts.ended == 1


async def test_an_unknown_action(client: httpx.AsyncClient) -> None:
    assert (await act(client, "explode"))["code"] == "bad_request"


async def test_a_service_without_a_program(service: Running) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        assert (await client.post("/api/program/quit")).status_code == 404


def test_a_version_that_did_not_start_is_named(parts: Parts, tmp_path: Path) -> None:
    status: ProgramStatus = make_program(parts, tmp_path, failed="9.0.0").describe()
    assert status["update"]["state"] is UpdateState.FAILED
    assert "9.0.0 did not start" in status["update"]["message"]


def test_an_installed_package_has_no_updates_of_its_own(parts: Parts, tmp_path: Path) -> None:
    assert make_program(parts, tmp_path, packaged=False).describe()["update"]["state"] is UpdateState.UNSUPPORTED


def test_damaged_settings_are_ignored(parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text("{")
    assert not make_program(parts, tmp_path).describe()["check_for_updates"]
