"""The app as a person starts it: once, once more, and where another program has its port."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from surtitle.desktop.app import PORTS
from tests.desktop.computer import TIMEOUT, Computer, answers, ask, wait
from tests.support import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a script stands for xdg-open")


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    return Computer(tmp_path)


def test_where_another_program_has_the_port(computer: Computer) -> None:
    """The app takes a port that the extension tries, and both commands then open its dashboard."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = int(other.getsockname()[1])
        with computer.running("app", "--engine", "pocketsphinx", "--port", str(port)):
            wait(lambda: len(computer.opened) == 1)
            url = computer.opened[0].rstrip("/")
            assert port < int(url.rpartition(":")[2]) < port + PORTS
            assert ask(f"{url}/healthz")["engine"] == "pocketsphinx"
            assert computer.start("app", "--port", str(free_port())).wait(TIMEOUT) == 0
            assert computer.start("serve", "--open", "--port", str(free_port())).wait(TIMEOUT) == 0
            assert computer.opened == [f"{url}/"] * 3
        assert not answers(url)


def test_while_the_service_runs_at_a_port_of_its_own(computer: Computer) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with computer.running("serve", "--engine", "pocketsphinx", "--port", url.rpartition(":")[2]):
        wait(lambda: answers(url))
        assert computer.start("app").wait(TIMEOUT) == 0
        assert computer.opened == [f"{url}/"]
