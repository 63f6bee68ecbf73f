"""The writing thread: offsets in the file, disks that are full, slow or missing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from surtitle.audio import Frames
from surtitle.recordings.audio_file import AudioFile
from surtitle.recordings.repair import inspect
from surtitle.recordings.writer import AudioFormat, Recording
from tests.recordings.test_audio_file import decode_file
from tests.support import missing, until

RATE = 16_000


def level(value: float, seconds: float) -> Frames:
    return np.full((round(seconds * RATE), 1), value, dtype=np.float32)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.name != "posix" or os.geteuid() != 0:
        missing("only root can make a disk that is soon full")
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)], capture_output=True
    ).returncode:
        missing("no tmpfs can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_audio_is_at_the_right_offset(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "s" / "1-Host.flac", AudioFormat(RATE, 1), 5.0, {"SURTITLE_CLOCK": "5"})
    recording.put(level(0.1, 1.0), 5.0)
    recording.put(level(0.2, 1.0), 6.0002)  # not worth a word
    recording.put(level(0.3, 1.0), 9.0)  # two seconds were lost
    recording.put(level(0.4, 1.0), 9.5)  # half a second of it came before
    assert recording.seconds == 5.5
    await recording.close()
    frames, _ = decode_file(recording.path)
    found = [round(float(frames[round(at * RATE), 0]), 2) for at in (0.5, 1.5, 2.5, 3.5, 4.5, 5.2)]
    assert found == [0.1, 0.2, 0.0, 0.0, 0.3, 0.4]
    assert len(frames) == 5.5 * RATE
    assert inspect(recording.path).tags["SURTITLE_CLOCK"] == "5"
    assert recording.problem == ""


async def test_a_full_disk_ends_the_recording_with_a_message(tiny: Path) -> None:
    recording = Recording(tiny / "1-Host.flac", AudioFormat(RATE, 1), 0.0, {})
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (RATE, 1)).astype(np.float32)
    for second in range(60):
        recording.put(noise, float(second))
        await asyncio.sleep(0.005)
    await until(lambda: recording.ended)
    assert recording.problem.startswith("The disk is full, so recording stopped at 0:00:")
    assert "The disk is full" in recording.problem
    assert "captions continue" in recording.problem
    recording.put(noise, 61.0)  # is nobody's business any more
    await recording.close()
    assert inspect(recording.path).seconds == recording.written > 5


async def test_an_unwritable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    recording = Recording(tmp_path / "file" / "1-Host.flac", AudioFormat(RATE, 1), 0.0, {})
    await until(lambda: recording.ended)
    assert "fix it and start it again" in recording.problem


async def test_audio_that_a_slow_disk_cannot_take_becomes_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded, the clock is right, and the lost seconds are counted."""
    stuck = threading.Event()
    write = AudioFile.write

    def slow(self: AudioFile, frames: Frames) -> None:
        assert stuck.wait(30)
        write(self, frames)

    monkeypatch.setattr(AudioFile, "write", slow)
    monkeypatch.setattr("surtitle.recordings.writer._MAX_WAITING", 2.0)
    recording = Recording(tmp_path / "1-Host.flac", AudioFormat(RATE, 1), 0.0, {})
    for second in range(10):
        recording.put(level(0.1, 1.0), float(second))
        await asyncio.sleep(0.02)
    assert 5 <= recording.lost <= 7
    stuck.set()
    await asyncio.sleep(0.2)
    recording.put(level(0.2, 1.0), 10.0)
    await recording.close()
    frames, _ = decode_file(recording.path)
    assert len(frames) == 11 * RATE
    assert frames[-RATE // 2, 0] == pytest.approx(0.2, abs=0.001)
    assert float((frames == 0).sum()) / RATE == pytest.approx(recording.lost, abs=0.01)


async def test_any_other_failure_is_reported_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: AudioFile, frames: Frames) -> None:
        raise ValueError("the encoder's own")

    monkeypatch.setattr(AudioFile, "write", broken)
    recording = Recording(tmp_path / "1-Host.flac", AudioFormat(RATE, 1), 0.0, {})
    recording.put(level(0.1, 1.0), 0.0)
    await until(lambda: recording.ended)
    assert recording.problem.startswith("Recording failed")
