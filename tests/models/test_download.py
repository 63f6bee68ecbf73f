"""Models from a hub: the real library against a hub on this computer."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from surtitle.cli.main import main
from surtitle.core.errors import ModelError
from surtitle.models import catalogue
from surtitle.models import download as downloads
from surtitle.models.download import download
from surtitle.models.pip_download import DownloadStopped
from surtitle.speech.whisper.kind import WHISPER
from tests.hub import BASE, FakeHub
from tests.untrained import untrained_whisper


@pytest.mark.usefixtures("hub")
def test_a_model_is_downloaded_with_progress() -> None:
    told: list[tuple[int, int]] = []
    assert WHISPER.find_cached("base.en") is None
    path = download("base.en", lambda done, total: told.append((done, total)))
    assert {file.name for file in path.iterdir()} == {file.name for file in untrained_whisper().iterdir()}
    assert WHISPER.find_cached("base.en") == path
    assert WHISPER.on_disk("base.en") == path
    done, totals = zip(*told, strict=True)
    assert set(totals) == {sum(file.stat().st_size for file in untrained_whisper().iterdir())}
    assert list(done) == sorted(done)
    assert (done[0], done[-1]) == (0, totals[0])
    assert len(set(done)) > 2


def test_complete_files_are_not_downloaded_again(hub: FakeHub) -> None:
    download("base.en")
    hub.fetched.clear()
    download("base.en")
    assert hub.fetched == []


def test_a_broken_download_is_resumed(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1 << 16)
    hub.cuts = 2
    path = download("base.en")
    assert (path / "model.bin").read_bytes() == (untrained_whisper() / "model.bin").read_bytes()
    assert hub.fetched.count("model.bin") == 3
    assert hub.sent < 1.5 * (untrained_whisper() / "model.bin").stat().st_size


def test_an_incomplete_download_is_not_taken_for_a_model(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    hub.cuts = 100
    with pytest.raises(ModelError, match="could not be downloaded from the model hub"):
        download("base.en")
    assert WHISPER.find_cached("base.en") is None
    hub.cuts = 0
    hub.fetched.clear()
    assert WHISPER.find_cached("base.en") is None
    download("base.en")
    assert hub.fetched == ["model.bin"]  # the others were complete
    assert WHISPER.find_cached("base.en")


def test_a_download_can_be_stopped(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1 << 16)
    hub.open.clear()
    stop = threading.Event()

    def tell(done: int, total: int) -> None:
        if done > total // 4:
            stop.set()

    with pytest.raises(DownloadStopped):
        download("base.en", tell, stop)
    assert WHISPER.find_cached("base.en") is None


@pytest.mark.usefixtures("hub")
def test_a_model_that_the_hub_does_not_have() -> None:
    with pytest.raises(ModelError, match="has no model “somebody/nothing”: check the name"):
        download("somebody/nothing")


def test_a_repository_without_a_converted_model(hub: FakeHub) -> None:
    hub.repositories["somebody/torch"] = {"config.json": b"{}", "pytorch_model.bin": b"x"}
    with pytest.raises(ModelError, match=r"somebody/torch has no model\.bin"):
        download("somebody/torch")
    assert hub.fetched == []


def test_a_failing_hub_is_reported(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    hub.status = 500
    with pytest.raises(ModelError, match="could not be downloaded from the model hub"):
        download("base.en")


def test_a_full_disk_is_reported_before_the_download(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(total=100, used=99, free=1))
    with pytest.raises(ModelError, match="free some space"):
        download("base.en")
    assert hub.fetched == []


def test_a_hub_that_does_not_answer_costs_a_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_HUB_TIMEOUT", 0.3)
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for hub in ("http://127.0.0.1:9", f"http://127.0.0.1:{silent.getsockname()[1]}", "nonsense"):
            monkeypatch.setenv("HF_ENDPOINT", hub)
            with pytest.raises(ModelError, match="hub cannot be reached"):
                download("base")


@pytest.mark.usefixtures("hub")
def test_the_catalogue_lists_downloaded_models_and_not_removed_ones() -> None:
    known = {model.name: model for model in catalogue.catalogue()}
    assert {"tiny", "base.en", "large-v3-turbo"} <= set(known)
    assert not any(model.complete or model.size for model in known.values())
    download("base.en")
    here = [model for model in catalogue.catalogue() if model.complete]
    assert [(model.name, model.repository) for model in here] == [("base.en", BASE)]
    assert here[0].size > 4_000_000
    assert WHISPER.remove("base.en") > 4_000_000
    assert not any(model.complete or model.size for model in catalogue.catalogue())
    with pytest.raises(ModelError, match="is not on this computer"):
        WHISPER.remove("base.en")


def test_a_directory_of_the_user_is_not_removed() -> None:
    with pytest.raises(ModelError, match="delete it yourself"):
        WHISPER.remove(str(untrained_whisper()))
    assert (untrained_whisper() / "model.bin").is_file()


def test_directories_and_names(tmp_path: Path) -> None:
    assert WHISPER.local_directory("base.en") is None
    assert WHISPER.local_directory("Systran/faster-whisper-base") is None
    with pytest.raises(ModelError, match="no directory"):
        WHISPER.local_directory(str(tmp_path / "missing"))
    with pytest.raises(ModelError, match=r"no model\.bin"):
        WHISPER.local_directory(str(tmp_path))
    (tmp_path / "model.bin").touch()
    assert WHISPER.local_directory(str(tmp_path)) == tmp_path
    for name in ("medium.klingon", "a/b/c", "../etc", "x" * 300, "a/b\0", ""):
        with pytest.raises(ModelError, match="is not a known model"):
            WHISPER.repository(name)


def test_a_model_that_is_not_here_is_named_before_anybody_is_asked() -> None:
    result = CliRunner().invoke(main, ["models", "remove", "nosuch"])
    assert result.exit_code == 1
    assert "'nosuch' is not a known model" in result.output
    assert "Delete" not in result.output
