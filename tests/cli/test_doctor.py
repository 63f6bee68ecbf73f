"""`surtitle doctor` on machines that lack something."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from surtitle.access import secret
from surtitle.channels.session import StoredSettings
from surtitle.channels.settings import ChannelSettings, ClosedCaptions
from surtitle.cli import checks
from surtitle.cli.checks import Finding, Status
from surtitle.cli.main import main
from surtitle.core.settings import Settings
from surtitle.models.download import download
from surtitle.models.speed_store import SpeedStore
from surtitle.speech.speed import Speed
from surtitle.store.journal import Batch, Store
from tests.support import Running, free_port, running


def findings(settings: Settings) -> dict[str, Finding]:
    return {finding.subject: finding for finding in checks.run_checks(settings)}


def hang_up(server: socket.socket, calls: int) -> None:
    for _ in range(calls):
        server.accept()[0].close()


def test_a_complete_machine(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["doctor", "--port", str(free_port()), "--data-dir", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    for line in done.output.splitlines():
        assert line.split()[0] in ("ok", "warn")
    assert "is free" in done.output
    assert not (tmp_path / "new").exists()


def test_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "surtitle", "doctor", "--host", "0.0.0.0", "--data-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "surtitle token new-secret" in done.stdout
    assert "Traceback" not in done.stderr


async def test_a_running_service(service: Running) -> None:
    port = int(service.url.rpartition(":")[2])
    found = await asyncio.to_thread(findings, Settings(port=port))
    assert found["Port"].status == Status.OK
    assert "Surtitle is running" in found["Port"].message


def test_a_port_used_by_another_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        threading.Thread(target=hang_up, args=(taken, 2), daemon=True).start()
        found = findings(Settings(port=taken.getsockname()[1]))
    assert found["Port"].status == Status.FAIL
    assert "--port" in found["Port"].message


async def test_a_service_beside_a_port_used_by_another_program(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as service:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            threading.Thread(target=hang_up, args=(taken, 2), daemon=True).start()
            settings = Settings(port=taken.getsockname()[1], data_dir=tmp_path)
            found = await asyncio.to_thread(findings, settings)
    assert found["Port"].status == Status.OK
    assert service.url in found["Port"].message


def test_a_folder_that_is_not_writable() -> None:
    found = findings(Settings(data_dir=Path("/proc/surtitle")))
    assert found["Data folder"].status == Status.FAIL
    assert "--data-dir" in found["Data folder"].message


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, status in ((1e6, Status.FAIL), (1e9, Status.WARN)):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: type("Usage", (), {"free": free}))
        assert findings(Settings(data_dir=tmp_path))["Disk"].status is status


def test_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    found = findings(Settings())
    assert found["soxr"].status == Status.FAIL
    assert "pip install soxr" in found["soxr"].message


def test_a_missing_model(tmp_path: Path) -> None:
    missing = findings(Settings(model="small.en"))["Models"]
    assert missing.status == Status.WARN
    assert "run `surtitle models fetch small.en` to download it now" in missing.message
    assert findings(Settings(model=str(tmp_path / "none")))["Models"].status == Status.FAIL


def test_secrets(tmp_path: Path) -> None:
    assert findings(Settings(data_dir=tmp_path))["Access"].status == Status.OK
    assert findings(Settings(host="0.0.0.0", data_dir=tmp_path))["Access"].status == Status.FAIL
    secret.create(tmp_path)
    assert findings(Settings(host="0.0.0.0", data_dir=tmp_path))["Access"].status == Status.OK
    (tmp_path / "secret").write_text("short")
    assert findings(Settings(host="0.0.0.0", data_dir=tmp_path))["Access"].status == Status.FAIL


def test_a_channel_whose_obs_is_off(tmp_path: Path) -> None:
    """tests/obs checks the same with a real OBS."""
    store = Store(tmp_path)
    wanted = ClosedCaptions(True, port=free_port(), password="hunter2")
    store.write(Batch(settings={"main": StoredSettings(ChannelSettings(closed_captions=wanted))}))
    store.close()
    found = findings(Settings(data_dir=tmp_path))["OBS (main)"]
    assert found.status == Status.WARN
    assert "start OBS" in found.message
    assert "hunter2" not in found.message


def test_an_unreachable_database(tmp_path: Path) -> None:
    url = f"postgresql://surtitle:hunter2@127.0.0.1:{free_port()}/surtitle"
    found = findings(Settings(data_dir=tmp_path, database=url))["Database"]
    assert found.status == Status.FAIL
    assert "make sure that the server runs" in found.message
    assert "hunter2" not in found.message


def test_a_check_that_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Settings) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(checks, "_check_models", broken)
    assert findings(Settings())["Models"] == Finding(Status.FAIL, "Models", "This check failed (RuntimeError: boom).")


@pytest.mark.usefixtures("hub")
def test_the_model_and_why_it_was_chosen(tmp_path: Path) -> None:
    settings = Settings(language="en", data_dir=tmp_path)
    assert "uses pocketsphinx" in findings(settings)["Models"].message
    download("base.en")
    assert findings(settings)["Models"] == Finding(Status.OK, "Models", "base.en (2 processors)")
    SpeedStore(tmp_path).put("base.en", Speed(0.1, 0.002))
    found = findings(settings)["Models"].message
    assert found.startswith("base.en (2 processors; decoding 10 s takes 0.1 s of at most 0.6 s); small.en would")
    SpeedStore(tmp_path).put("base.en", Speed(3.0, 0.01))
    assert "base.en is too slow for this computer" in findings(settings)["Models"].message


@pytest.mark.usefixtures("hub")
def test_a_damaged_model_is_reported() -> None:
    (download("base.en") / "tokenizer.json").write_text("{")
    found = findings(Settings(language="en"))["Models"]
    assert found.status == Status.FAIL
    assert "tokenizer.json is damaged: remove it with `surtitle models remove base.en`" in found.message
