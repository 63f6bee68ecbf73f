"""`surtitle doctor` on machines that lack this and that."""

from __future__ import annotations

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
from surtitle.cli.main import main
from surtitle.core.settings import Settings
from surtitle.models.download import download
from surtitle.models.speed_store import SpeedStore
from surtitle.speech.speed import Speed
from surtitle.store.journal import Batch, Store
from tests.support import Running, free_port


def findings(settings: Settings) -> dict[str, checks.Finding]:
    return {finding.what: finding for finding in checks.examine(settings)}


def hang_up(server: socket.socket, calls: int) -> None:
    for _ in range(calls):
        server.accept()[0].close()


def test_a_machine_that_has_all(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["doctor", "--port", str(free_port()), "--data-dir", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    for line in done.output.splitlines():
        assert line.split()[0] in ("ok", "warn")
    assert "is free" in done.output
    assert not (tmp_path / "new").exists()


def test_as_a_person_types_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "surtitle", "doctor", "--host", "0.0.0.0", "--data-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "surtitle token new-secret" in done.stdout
    assert "Traceback" not in done.stderr


async def test_a_service_that_runs(service: Running) -> None:
    import asyncio

    port = int(service.url.rpartition(":")[2])
    found = await asyncio.to_thread(findings, Settings(port=port))
    assert found["Port"].state == checks.OK
    assert "Surtitle runs" in found["Port"].told


def test_a_port_that_somebody_else_has() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        threading.Thread(target=hang_up, args=(taken, 2), daemon=True).start()
        found = findings(Settings(port=taken.getsockname()[1]))
    assert found["Port"].state == checks.FAIL
    assert "--port" in found["Port"].told


def test_a_folder_that_cannot_be_written() -> None:
    found = findings(Settings(data_dir=Path("/proc/surtitle")))
    assert found["Data folder"].state == checks.FAIL
    assert "--data-dir" in found["Data folder"].told


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, state in ((1e6, checks.FAIL), (1e9, checks.WARN)):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: type("Usage", (), {"free": free}))
        assert findings(Settings(data_dir=tmp_path))["Disk"].state == state


def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    found = findings(Settings())
    assert found["soxr"].state == checks.FAIL
    assert "pip install soxr" in found["soxr"].told


def test_a_model_that_is_not_here(tmp_path: Path) -> None:
    missing = findings(Settings(model="small.en"))["Models"]
    assert missing.state == checks.WARN
    assert "`surtitle models fetch small.en` does it now" in missing.told
    assert findings(Settings(model=str(tmp_path / "none")))["Models"].state == checks.FAIL


def test_secrets(tmp_path: Path) -> None:
    assert findings(Settings(data_dir=tmp_path))["Access"].state == checks.OK
    assert findings(Settings(host="0.0.0.0", data_dir=tmp_path))["Access"].state == checks.FAIL
    secret.create(tmp_path)
    assert findings(Settings(host="0.0.0.0", data_dir=tmp_path))["Access"].state == checks.OK
    (tmp_path / "secret").write_text("short")
    assert findings(Settings(host="0.0.0.0", data_dir=tmp_path))["Access"].state == checks.FAIL


def test_where_channels_expect_obs(tmp_path: Path) -> None:
    """One that is off: a real one is asked in tests/obs."""
    store = Store(tmp_path)
    wanted = ClosedCaptions(True, port=free_port(), password="hunter2")
    store.write(Batch(settings={"main": StoredSettings(ChannelSettings(closed_captions=wanted))}))
    store.close()
    found = findings(Settings(data_dir=tmp_path))["OBS (main)"]
    assert found.state == checks.WARN
    assert "start OBS" in found.told
    assert "hunter2" not in found.told


def test_a_database_that_is_off(tmp_path: Path) -> None:
    url = f"postgresql://surtitle:hunter2@127.0.0.1:{free_port()}/surtitle"
    found = findings(Settings(data_dir=tmp_path, database=url))["Database"]
    assert found.state == checks.FAIL
    assert "make sure that the server runs" in found.told
    assert "hunter2" not in found.told


def test_a_look_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Settings) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(checks, "_models", broken)
    assert findings(Settings())["Models"] == checks.Finding(
        checks.FAIL, "Models", "cannot be looked at (RuntimeError: boom)."
    )


@pytest.mark.usefixtures("hub")
def test_the_model_and_why_it_was_chosen(tmp_path: Path) -> None:
    settings = Settings(language="en", data_dir=tmp_path)
    assert "captions run on pocketsphinx" in findings(settings)["Models"].told
    download("base.en")
    assert findings(settings)["Models"] == checks.Finding(checks.OK, "Models", "base.en (2 processors)")
    SpeedStore(tmp_path).put("base.en", Speed(0.1, 0.002))
    found = findings(settings)["Models"].told
    assert found.startswith("base.en (2 processors; decoding 10 s takes 0.1 s of at most 0.6 s); small.en would be")
    SpeedStore(tmp_path).put("base.en", Speed(3.0, 0.01))
    assert "base.en is too slow for this computer" in findings(settings)["Models"].told


@pytest.mark.usefixtures("hub")
def test_a_damaged_model_is_named() -> None:
    (download("base.en") / "tokenizer.json").write_text("{")
    found = findings(Settings(language="en"))["Models"]
    assert found.state == checks.FAIL
    assert "tokenizer.json is damaged: remove it with `surtitle models remove base.en`" in found.told
