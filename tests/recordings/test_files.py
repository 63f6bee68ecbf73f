"""The stored recordings, including interrupted ones."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from surtitle.channels.session import Session
from surtitle.recordings.audio_file import AudioFile
from surtitle.recordings.files import RecordingFiles, RecordingState, make_tags
from surtitle.store.journal import Batch, Store
from surtitle.store.records import Recording
from surtitle.store.transcripts import Transcripts
from tests.recordings.test_audio_file import tone
from tests.recordings.test_recorder import pcm
from tests.support import free_port, running, silence, until

SESSION = Session("20260101-090000-1a2b3c4d", "main", 1_767_258_000.0, "e1", 0, "c1")


@pytest.fixture
def recording_files(tmp_path: Path) -> Iterator[RecordingFiles]:
    store = Store(tmp_path)
    store.write(Batch(sessions={SESSION.id: SESSION}))
    yield RecordingFiles(tmp_path / "recordings", Transcripts(store.database))
    store.close()


def write_unfinished(recording_files: RecordingFiles, source: str, seconds: float, extension: str = "flac") -> Path:
    """A recording whose writer died."""
    path = recording_files.new_path(SESSION.id, source, extension)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = AudioFile(path, 16_000, 1, make_tags("main", source, 12.25, SESSION.began))
    file.write(tone(seconds, 16_000, 1))
    file.abandon()
    return path


def test_interrupted_recordings_are_found_and_recovered(recording_files: RecordingFiles) -> None:
    path = write_unfinished(recording_files, "Ada/Lovelace", 3.0)
    recording_files.save(path, Recording("", SESSION.id, "Ada/Lovelace", 12.25, 0.0, RecordingState.RUNNING))
    unknown = write_unfinished(recording_files, "Grace", 2.0)  # the database did not answer then
    assert recording_files.recordings(SESSION.id) == []
    assert recording_files.find_unfinished() == [path, unknown]
    assert recording_files.is_running(SESSION.id)
    recording_files.recover(recording_files.find_unfinished())
    first, second = recording_files.recordings(SESSION.id)
    assert (first.path, first.source, first.clock) == (path, "Ada/Lovelace", 12.25)
    assert (second.path, second.source, second.clock) == (unknown, "Grace", 12.25)
    assert 2.5 < first.seconds <= 3.0
    assert first.end == 12.25 + first.seconds
    assert first.problem == "The service ended during this recording."
    assert recording_files.find_unfinished() == []
    assert not recording_files.is_running(SESSION.id)


def test_a_clock_that_is_set_back_does_not_make_a_recording_run_for_hours(recording_files: RecordingFiles) -> None:
    path = write_unfinished(recording_files, "Ada", 1.0)
    recording_files.save(path, Recording("", SESSION.id, "Ada", 12.25, 0.0, RecordingState.RUNNING))
    later = path.stat().st_mtime + 7200.0
    os.utime(path, (later, later))
    assert not recording_files.is_running(SESSION.id)


def test_unreadable_recordings_are_reported_once_and_not_listed(recording_files: RecordingFiles) -> None:
    path = write_unfinished(recording_files, "Ada", 1.0)
    path.write_bytes(b"")
    recording_files.recover(recording_files.find_unfinished())
    assert recording_files.recordings(SESSION.id) == []
    assert recording_files.find_unfinished() == []


def test_file_names_are_numbered_and_valid_on_any_system(recording_files: RecordingFiles) -> None:
    paths = [
        recording_files.new_path(SESSION.id, name, "opus") for name in ("Höst", "../../etc/passwd", "…", "a" * 300)
    ]
    assert [path.name for path in paths] == ["1-Höst.opus", "2-etc-passwd.opus", "3-source.opus", f"4-{'a' * 40}.opus"]
    assert {path.parent for path in paths} == {recording_files.folder / SESSION.id}


@pytest.mark.parametrize("name", ["..", "a/b", "", "a b", "x" * 50, "a\n"])
def test_a_session_id_cannot_leave_the_folder(recording_files: RecordingFiles, name: str) -> None:
    with pytest.raises(ValueError, match="not a valid session id"):
        recording_files.session_folder(name)


async def test_recordings_of_a_killed_service_are_recovered_by_the_next_one(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "surtitle", "serve", "--port", str(port), "--engine", "pocketsphinx"]
    process = await asyncio.create_subprocess_exec(*command, "--data-dir", str(tmp_path), stderr=subprocess.DEVNULL)
    try:
        await until(lambda: _answers(port))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await client.post("/api/channels/main/recording")

            async def body() -> AsyncIterator[bytes]:
                for _ in range(20):
                    yield pcm(silence(0.25) + 0.1)
                    await asyncio.sleep(0.2)
                process.kill()
                await asyncio.sleep(5)
                yield pcm(silence(0.25))

            with pytest.raises(httpx.HTTPError):
                await client.post("/api/channels/main/audio?source=Host", content=body(), timeout=60)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    (path,) = (tmp_path / "recordings").glob("*/*.flac")
    async with running(data_dir=tmp_path) as service:
        recording_files = service.services.sessions.recording_files
        await until(lambda: bool(recording_files.recordings(path.parent.name)))
        (found,) = recording_files.recordings(path.parent.name)
    assert found.path == path
    assert found.source == "Host"
    assert found.seconds > 3
    assert found.problem


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
