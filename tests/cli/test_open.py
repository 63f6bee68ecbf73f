"""The dashboard that opens in a browser."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from surtitle.cli.main import main
from surtitle.cli.main import serve as serve_command
from surtitle.core.announcement import Announcement
from surtitle.store.folder_lock import FolderLock


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that were opened in a browser."""
    addresses: list[str] = []
    monkeypatch.setattr("click.launch", addresses.append)
    return addresses


def test_without_a_command_the_service_starts_and_opens_its_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr(serve_command, "callback", lambda **options: given.update(options))
    done = CliRunner().invoke(main, [], env={"SURTITLE_SERVE_PORT": "8123"})
    assert done.exit_code == 0, done.output
    assert (given["open_dashboard"], given["port"]) == (True, 8123)


def test_the_dashboard_of_the_service_that_runs_is_opened(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.cli.main.is_running", lambda url, timeout: True)
    done = CliRunner().invoke(main, ["serve", "--open", "--port", "8123"])
    assert done.exit_code == 0, done.output
    assert opened == ["http://127.0.0.1:8123/"]
    assert "running already" in done.output


def test_help_is_printed_when_it_is_asked_for(opened: list[str]) -> None:
    done = CliRunner().invoke(main, ["--help"])
    assert done.exit_code == 0
    assert "serve" in done.output
    assert opened == []


def test_the_dashboard_of_a_service_that_is_starting_is_opened(
    opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the port already, and answers a moment later."""
    monkeypatch.setattr("surtitle.cli.main.is_running", lambda url, timeout: timeout > 2)
    with socket.create_server(("127.0.0.1", 0)) as starting:
        port = starting.getsockname()[1]
        done = CliRunner().invoke(main, ["serve", "--open", "--port", str(port)])
    assert done.exit_code == 0, done.output
    assert opened == [f"http://127.0.0.1:{port}/"]


def test_a_second_service_is_told_of_the_first(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.cli.main.is_running", lambda url, timeout: True)
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        done = CliRunner().invoke(main, ["serve", "--port", str(port)])
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: Surtitle is running already: open http://127.0.0.1:{port}/ in a browser")
    assert opened == []


@pytest.mark.parametrize("opens", [False, True])
def test_a_service_that_uses_the_folder_is_found_at_any_port(
    opened: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opens: bool
) -> None:
    monkeypatch.setattr("surtitle.cli.main.is_running", lambda url, timeout: False)
    first = FolderLock(tmp_path)
    first.announce(Announcement("http://127.0.0.1:8123", "0.1.0"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        given = ["serve", "--port", port, "--data-dir", str(tmp_path)]
        done = CliRunner().invoke(main, [*given, "--open"] if opens else given)
    first.release()
    assert done.exit_code == (0 if opens else 1)
    assert "Surtitle is running already" in done.output
    assert "http://127.0.0.1:8123/" in done.output
    assert opened == (["http://127.0.0.1:8123/"] if opens else [])


def _hang_up(listening: socket.socket) -> None:
    """End two connections without an answer: the command asks before and after it tries the port."""
    for _ in range(2):
        listening.accept()[0].close()


def test_a_port_of_another_program_is_reported(opened: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        threading.Thread(target=_hang_up, args=(other,), daemon=True).start()
        done = CliRunner().invoke(main, ["serve", "--open", "--port", str(port)])
    assert done.exit_code == 1
    assert "cannot be used" in done.output
    assert opened == []
