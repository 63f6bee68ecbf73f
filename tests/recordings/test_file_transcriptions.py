"""Files of clients, in a process that does what a test tells it to."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from surtitle.core.errors import BadAudio, EngineError, ShuttingDown, SurtitleError, TooMany
from surtitle.core.metrics import Metrics
from surtitle.core.settings import Limits, Settings
from surtitle.core.words import join
from surtitle.recordings.file_transcriptions import FileModel, FileOptions, FileTranscriptions
from surtitle.vocabulary.rules import Vocabulary
from tests.recordings import fake_file_worker
from tests.support import until

COMMAND = (sys.executable, "-P", str(Path(fake_file_worker.__file__)))
OPTIONS = FileOptions(FileModel("tiny.en"))


@asynccontextmanager
async def opened(
    limits: Limits = Limits(), answer_timeout: float = 60.0, idle_timeout: float = 60.0
) -> AsyncIterator[FileTranscriptions]:
    files = FileTranscriptions(Settings(limits=limits), Metrics(), COMMAND, answer_timeout, idle_timeout)
    try:
        yield files
    finally:
        await files.close()
        assert not files.loaded


async def recognize(files: FileTranscriptions, path: Path, action: str, options: FileOptions = OPTIONS) -> str:
    await asyncio.to_thread(path.write_text, action, encoding="utf-8")
    async with aclosing(files.transcribe(path, options)) as items:
        found = [item async for item in items]
    assert [item.duration is not None for item in found] == [False] * (len(found) - 1) + [True]
    return join(word for item in found for word in item.words)


async def test_the_process_stays_for_the_next_file(tmp_path: Path) -> None:
    async with opened() as files:
        assert await recognize(files, tmp_path / "a", "words Hello there.") == "Hello there."
        process = files._process
        with pytest.raises(BadAudio, match="No sound"):
            await recognize(files, tmp_path / "b", "bad_audio No sound.")
        assert await recognize(files, tmp_path / "c", "words Again.") == "Again."
        assert files._process is process


@pytest.mark.parametrize("action", ["crash", "garbage", "engine_failed It is broken.", "hang"])
async def test_a_process_that_fails_is_an_error_of_one_request_only(tmp_path: Path, action: str) -> None:
    async with opened(answer_timeout=60.0 if action != "hang" else 0.5) as files:
        with pytest.raises(EngineError):
            await recognize(files, tmp_path / "a", action)
        files._answer_timeout = 60.0
        assert await recognize(files, tmp_path / "b", "words Next.") == "Next."


async def test_a_client_that_leaves_stops_the_work_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("hang One", encoding="utf-8")
    async with opened() as files:
        async with aclosing(files.transcribe(tmp_path / "a", OPTIONS)) as items:
            assert join((await anext(items)).words) == "One"
            process = files._process
        assert process is not None
        assert process.returncode is not None
        assert not files.running
        waiting = asyncio.create_task(recognize(files, tmp_path / "b", "hang Two"))
        await until(lambda: files.loaded)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert not files.loaded


async def test_files_are_recognized_one_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("hang One", encoding="utf-8")
    async with opened() as files:
        async with aclosing(files.transcribe(tmp_path / "a", OPTIONS)) as items:
            await anext(items)
            second = asyncio.create_task(recognize(files, tmp_path / "b", "words Two."))
            left = asyncio.create_task(recognize(files, tmp_path / "c", "words Never."))
            await asyncio.sleep(0)
            left.cancel()  # while it waits
            await asyncio.wait({second}, timeout=0.3)
            assert not second.done()
        assert await second == "Two."


async def test_a_full_queue_refuses(tmp_path: Path) -> None:
    async with opened(Limits(file_requests=2)) as files:
        with files.reserve(), files.reserve():
            assert files.waiting == 2
            with pytest.raises(TooMany), files.reserve():
                pass
        with files.reserve():
            assert files.waiting == 1


async def test_an_idle_process_is_released(tmp_path: Path) -> None:
    async with opened(idle_timeout=0.2) as files:
        await recognize(files, tmp_path / "a", "words One.")
        assert files.loaded
        await until(lambda: not files.loaded)
        assert await recognize(files, tmp_path / "b", "words Two.") == "Two."


async def test_the_service_stops_while_a_file_is_recognized(tmp_path: Path) -> None:
    async with opened() as files:
        running = asyncio.create_task(recognize(files, tmp_path / "a", "hang One"))
        waiting = asyncio.create_task(recognize(files, tmp_path / "b", "words Two."))
        await until(lambda: files.loaded)
        files.stop()
        results = await asyncio.gather(running, waiting, return_exceptions=True)
        assert [type(result) for result in results] == [ShuttingDown] * 2
        with pytest.raises(SurtitleError), files.reserve():
            pass


async def test_the_vocabulary_is_applied_as_words_come(tmp_path: Path) -> None:
    vocabulary = Vocabulary.parse("", (), {"sir title": "Surtitle"}, ("bad",))
    options = FileOptions(FileModel("tiny.en"), rules=vocabulary.rules)
    async with opened() as files:
        assert await recognize(files, tmp_path / "a", "words The sir title is not bad.", options) == (
            "The Surtitle is not b**."
        )


async def test_what_happened_is_counted(tmp_path: Path) -> None:
    async with opened() as files:
        await recognize(files, tmp_path / "a", "words One two three.")
        with pytest.raises(BadAudio):
            await recognize(files, tmp_path / "b", "bad_audio No sound.")
        counted = files._metrics.render().decode()
    assert 'surtitle_file_requests_total{result="done"} 1.0' in counted
    assert 'surtitle_file_requests_total{result="failed"} 1.0' in counted
    assert "surtitle_file_audio_seconds_total 3.0" in counted
