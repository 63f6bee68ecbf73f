"""Recordings in storage that services share: a bucket or a folder."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from surtitle.core.errors import BadRequest, SurtitleError
from surtitle.core.notifier import Notifier
from surtitle.recordings.files import RecordingFiles, RecordingState
from surtitle.recordings.mix import make_mix
from surtitle.recordings.repair import inspect
from surtitle.recordings.storage import FolderStorage, RecordingStorage, StorageError, open_storage
from surtitle.recordings.uploader import RecordingUploader
from surtitle.store.journal import Batch, Store
from surtitle.store.records import Recording
from surtitle.store.transcripts import Transcripts
from tests.recordings.s3_server import S3Server, s3_server
from tests.recordings.test_audio_file import tone
from tests.recordings.test_files import SESSION, write_unfinished
from tests.recordings.test_recorder import pcm
from tests.support import running, until


@pytest.fixture(scope="module")
def shared_server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def server(shared_server: S3Server) -> S3Server:
    shared_server.reset()
    return shared_server


@pytest.fixture(params=["s3", "folder"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("server").url)
    folder = tmp_path / "shared"
    folder.mkdir()
    return str(folder)


class Service:
    """The recordings of one of several services with a database in common."""

    def __init__(self, folder: Path, store: Store, storage: RecordingStorage) -> None:
        self.transcripts = Transcripts(store.database)
        self.files = RecordingFiles(folder, self.transcripts, storage)
        self.storage = storage

    def record(self, seconds: float, extension: str = "flac") -> Path:
        path = write_unfinished(self.files, "Ada", seconds, extension)
        self.files.save(path, Recording("", SESSION.id, "Ada", 12.25, 0.0, RecordingState.RUNNING))
        return path

    def lose_touch(self) -> None:
        """Let the time pass after which other services take it to be gone."""
        for row in self.transcripts.recordings():
            if row.seen is not None:
                self.transcripts.mark_seen([row.file], row.seen - 600)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    store.write(Batch(sessions={SESSION.id: SESSION}))
    yield store
    store.close()


@pytest.fixture
def first(tmp_path: Path, store: Store, address: str) -> Service:
    return Service(tmp_path / "first", store, open_storage(address))


@pytest.fixture
def second(tmp_path: Path, store: Store, address: str) -> Service:
    return Service(tmp_path / "second", store, open_storage(address))


def test_files_are_stored_whole_and_read_in_parts(address: str, tmp_path: Path) -> None:
    storage = open_storage(address)
    storage.check()
    large = tmp_path / "large"
    large.write_bytes(os.urandom(11 << 20))
    storage.write("one/1-Höst.flac", large)
    storage.write("one/1-Höst.flac.pieces/000", b"piece")
    storage.write("other/x.flac", b"other")
    assert storage.sizes("one") == {"one/1-Höst.flac": 11 << 20, "one/1-Höst.flac.pieces/000": 5}
    assert storage.read("one/1-Höst.flac", 10 << 20, 12 << 20) == large.read_bytes()[10 << 20 :]
    assert storage.size("one/1-Höst.flac") == 11 << 20
    assert storage.size("one/2-Host.flac") is None
    storage.delete([*storage.sizes("one"), "one/nothing"])
    assert storage.sizes("one") == {}
    assert storage.read("other/x.flac", 0, 9) == b"other"


@pytest.mark.parametrize("address", ["gs://bucket", "s3://", "s3://key:secret@bucket/x", "s3://bucket?region=x"])
def test_an_address_that_cannot_be_used_is_refused(address: str) -> None:
    with pytest.raises(BadRequest, match="s3://bucket/prefix"):
        open_storage(address)


def test_what_is_wrong_is_said_in_one_sentence(server: S3Server, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"^The recordings' storage s3://nothing cannot be used \([^<]*404[^<]*\): "):
        open_storage("s3://nothing").check()
    server.stop()
    with pytest.raises(StorageError, match=r"^The recordings' storage s3://talks/recordings cannot be used") as refusal:
        open_storage(server.url).write("a/b", b"c")
    assert "not to be logged" not in str(refusal.value)
    with pytest.raises(StorageError, match="does not exist: create it, or mount the share"):
        FolderStorage(tmp_path / "missing").check()


def test_another_service_plays_mixes_and_deletes_what_one_has_recorded(first: Service, second: Service) -> None:
    for seconds in (1.0, 2.0):
        first.record(seconds)
    paths = first.files.find_unfinished()
    first.files.recover(paths)
    assert second.files.recordings(SESSION.id) == []
    for path in paths:
        first.files.store(path)
    found = second.files.recordings(SESSION.id)
    assert [one.seconds for one in found] == [one.seconds for one in first.files.recordings(SESSION.id)]
    assert not any(map(second.files.is_here, found))
    for one in found:
        assert second.files.fetch(one).read_bytes() == (first.files.folder / second.files.key(one)).read_bytes()
    assert make_mix(found, lambda: True, lambda share: None).is_file()
    assert second.files.find_unstored() == []
    second.files.delete(SESSION.id)
    assert first.storage.sizes(SESSION.id) == {}
    assert not second.files.session_folder(SESSION.id).exists()


@pytest.mark.parametrize("extension", ["flac", "opus"])
def test_a_recording_of_a_service_that_is_gone_is_finished_from_its_pieces(
    first: Service, second: Service, extension: str
) -> None:
    path = first.record(3.0, extension)
    first.files.mark_seen([path])
    half = path.stat().st_size // 2
    content = path.read_bytes()
    path.write_bytes(content[:half])
    offset = first.files.store_piece(path, 0)
    path.write_bytes(content)
    assert first.files.store_piece(path, offset) == len(content)
    second.files.finish_abandoned()
    assert second.files.recordings(SESSION.id) == []  # it may still be recording
    assert second.files.is_running(SESSION.id)
    second.lose_touch()
    assert not second.files.is_running(SESSION.id)
    second.files.finish_abandoned()
    (found,) = second.files.recordings(SESSION.id)
    assert 2.5 < found.seconds <= 3.0
    assert found.problem == "The service ended during this recording."
    assert inspect(second.files.fetch(found)).seconds == found.seconds
    assert list(second.storage.sizes(SESSION.id)) == [second.files.key(found)]
    second.files.finish_abandoned()


def test_a_service_that_returns_replaces_what_others_have_finished_by_what_it_has(
    first: Service, second: Service
) -> None:
    path = first.record(3.0)
    first.files.mark_seen([path])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    first.files.store_piece(path, 0)
    path.write_bytes(content)
    second.lose_touch()
    second.files.finish_abandoned()
    (shorter,) = second.files.recordings(SESSION.id)
    second.files.fetch(shorter)
    assert first.files.find_unfinished() == [path]
    first.files.recover([path])
    assert first.files.find_unstored() == [path]
    first.files.store(path)
    (longer,) = second.files.recordings(SESSION.id)
    assert longer.seconds > shorter.seconds + 1
    assert inspect(second.files.fetch(longer)).seconds == longer.seconds


def test_a_service_does_not_give_up_its_own_recording_after_a_restart(first: Service) -> None:
    path = first.record(2.0)
    first.files.mark_seen([path])
    first.files.store_piece(path, 0)
    first.lose_touch()
    first.files.finish_abandoned()
    (found,) = first.files.recordings(SESSION.id)
    assert (found.path, first.files.is_here(found)) == (path, True)


def test_what_was_never_copied_is_left_to_the_service_that_has_it(first: Service, second: Service) -> None:
    path = first.record(1.0)
    first.files.mark_seen([path])
    second.lose_touch()
    second.files.finish_abandoned()
    assert second.transcripts.recordings()[0].seen is None
    first.files.recover(first.files.find_unfinished())
    first.files.store(path)
    assert len(second.files.recordings(SESSION.id)) == 1


def test_copies_that_nobody_uses_are_deleted_after_a_day(first: Service, second: Service) -> None:
    path, kept = first.record(1.0), first.record(1.0)
    first.files.recover([path, kept])
    first.files.store(path)
    mix = path.with_name("mix-1.flac")
    mix.touch()
    first.files.clean()
    assert path.is_file()
    old = time.time() - 90_000
    for one in (path, kept, mix):
        os.utime(one, (old, old))
    first.files.clean()
    assert (path.is_file(), kept.is_file(), mix.is_file()) == (False, True, False)
    assert len(first.files.recordings(SESSION.id)) == 2
    assert first.files.fetch(first.files.recordings(SESSION.id)[0]).is_file()


@asynccontextmanager
async def uploading(files: RecordingFiles) -> AsyncIterator[RecordingUploader]:
    uploader = RecordingUploader(files, Notifier(), 0.05, 0.05, 0.05)
    uploader.start(None)
    try:
        yield uploader
    finally:
        await uploader.close()


async def test_nothing_is_lost_while_the_storage_is_away(
    server: S3Server, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service = Service(tmp_path / "first", store, open_storage(server.url))
    server.stop()
    async with uploading(service.files) as uploader:
        path = service.record(1.0)
        uploader.begin(path)
        await until(lambda: "cannot be used" in uploader.problem)
        server.start()
        await until(lambda: len(server.files()) == 1)
        assert server.files()[0].endswith(f"{path.name}.pieces/{0:015}")
        await until(lambda: uploader.problem == "")
        server.stop()
        service.files.recover([path])
        uploader.finish(path)
        await until(lambda: uploader.problem != "")
        server.start()
        await until(lambda: server.files() == [f"{SESSION.id}/{path.name}"])
        await until(lambda: uploader.problem == "")
    assert "not to be logged" not in caplog.text


async def test_files_of_an_earlier_run_are_copied(address: str, store: Store, tmp_path: Path) -> None:
    service = Service(tmp_path / "first", store, open_storage(address))
    path = service.record(1.0)
    service.files.recover([path])
    async with uploading(service.files):
        await until(lambda: service.storage.sizes(SESSION.id) == {f"{SESSION.id}/{path.name}": path.stat().st_size})


async def test_a_session_is_played_and_deleted_from_the_storage(server: S3Server, tmp_path: Path) -> None:
    """A service that has lost its data folder, but for the database, has everything."""
    said = tone(2.0, 16_000, 1)
    async with (
        running(data_dir=tmp_path, recordings=server.url) as service,
        httpx.AsyncClient(base_url=service.url, timeout=60) as client,
    ):
        await client.post("/api/channels/talk/recording")
        await client.post("/api/channels/talk/audio?rate=16000&source=Ada", content=pcm(said))
        await until(lambda: len(server.files()) == 1 and "pieces" not in server.files()[0])
        (path,) = (tmp_path / "recordings").glob("*/*.flac")
        content = path.read_bytes()
        path.unlink()
        (session,) = (await client.get("/api/sessions")).json()["sessions"]
        assert [one["bytes"] for one in session["recordings"]] == [len(content)]
        assert session["audio"]["ready"] == 1
        address = f"/api/sessions/{session['id']}"
        for audio in (f"{address}/audio", f"{address}/recordings/{path.name}"):
            whole = await client.get(audio)
            assert (whole.content, whole.headers["content-type"]) == (content, "audio/flac")
            part = await client.get(audio, headers={"range": "bytes=100-199", "if-range": whole.headers["etag"]})
            assert (part.status_code, part.content) == (206, content[100:200])
            assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
            end = await client.get(audio, headers={"range": "bytes=-10"})
            assert end.content == content[-10:]
            assert (await client.get(audio, headers={"range": "bytes=9999999-"})).status_code == 416
            changed = await client.get(audio, headers={"range": "bytes=100-199", "if-range": '"other"'})
            assert changed.content == content
            assert (await client.head(audio)).headers["content-length"] == str(len(content))
        server.stop()
        refused = await client.get(f"{address}/audio")
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_failed")
        refused = await client.delete(address)
        assert refused.status_code == 503
        server.start()
        assert (await client.delete(address)).status_code == 200
        assert server.files() == []


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(SurtitleError, match=r"pip install 'surtitle\[s3\]'"):
        open_storage("s3://bucket")
