"""`surtitle record` on the command line."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from surtitle.cli.record import _line
from surtitle.core.settings import Access
from surtitle.recordings.repair import inspect
from tests.recordings.test_recorder import pcm
from tests.support import free_port, running, silence

COMMAND = [sys.executable, "-m", "surtitle", "record"]


async def record(*options: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*COMMAND, *options, stdout=pipe, stderr=pipe)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot press Ctrl-C for one process")
async def test_it_records_until_ctrl_c_and_prints_the_files(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as service:
        process = await record("--channel", "talk", "--url", service.url)
        assert process.stderr is not None
        assert b"Recording the channel talk" in await asyncio.wait_for(process.stderr.readline(), 30)
        async with service.publisher("talk") as socket:
            await socket.send('{"op":"start","source":"Host"}')
            await socket.recv()
            for _ in range(10):
                await socket.send(pcm(silence(0.25) + 0.1))
                await asyncio.sleep(0.1)
            process.send_signal(signal.SIGINT)
            out, _ = await asyncio.wait_for(process.communicate(), 30)
        session = service.services.hub.channel("talk").session.current.id
        assert process.returncode == 0
        (path,) = (tmp_path / "recordings" / session).iterdir()
        assert out.decode().splitlines() == [
            f"{path}  0:00:02",
            f"Session {session}: {service.url}/sessions/{session}",
        ]
        assert inspect(path).seconds == pytest.approx(2.5, abs=0.01)


async def test_a_channel_without_audio_is_reported(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as service:
        process = await record("--seconds", "0.2", "--url", service.url)
        out, err = await asyncio.wait_for(process.communicate(), 30)
        assert (process.returncode, out) == (0, b"")
        assert b"no source sent audio to the channel main" in err
        assert not service.services.recorder.should_record(service.services.hub.channel("main"))


async def test_errors_are_one_sentence() -> None:
    no_service = await record("--url", f"http://127.0.0.1:{free_port()}")
    _, err = await asyncio.wait_for(no_service.communicate(), 30)
    assert no_service.returncode == 1
    assert b"start it with `surtitle serve`" in err
    async with running(access=Access("s" * 40, require_token=True)) as service:
        no_token = await record("--url", service.url)
        _, err = await asyncio.wait_for(no_token.communicate(), 30)
        assert b"give it with --token or in the variable SURTITLE_TOKEN." in err
    async with running() as service:
        no_disk = await record("--url", service.url)
        _, err = await asyncio.wait_for(no_disk.communicate(), 30)
        assert err.startswith(b"Error: This service has no data folder")


def test_the_line_keeps_what_was_recorded_when_the_source_has_ended() -> None:
    recorded = {"files": ["1-Host.flac"], "seconds": 12.0, "bytes": 3_400_000, "lost": 0.0}
    assert _line({"sources": []}, recorded) == "● 0:00:12  3.4 MB  no source now"
    nothing = {"files": [], "seconds": 0.0, "bytes": 0, "lost": 0.0}
    assert _line({"sources": []}, nothing) == "● 0:00:00  0.0 MB  no source yet"
