"""Recordings on disk: complete, interrupted, and of the right length."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest

from surtitle.audio import Frames
from surtitle.audio.container import decode_frames
from surtitle.core.errors import BadAudio
from surtitle.core.settings import RECORDING_FORMATS
from surtitle.recordings.audio_file import AudioFile
from surtitle.recordings.repair import finalize, inspect, is_open

WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from surtitle.recordings.audio_file import AudioFile
file = AudioFile(Path(sys.argv[1]), 48000, 2, {"SURTITLE_SOURCE": "Host"})
tone = (np.sin(np.arange(4800) * 2 * np.pi * 440 / 48000) / 4).astype(np.float32).repeat(2).reshape(-1, 2)
for number in range(100000):
    file.write(tone)
    if number % 5 == 4:
        file.sync()
    print(number + 1, flush=True)
"""


def tone(seconds: float, rate: int, channels: int) -> Frames:
    wave = np.sin(np.arange(round(seconds * rate)) * 2 * np.pi * 440 / rate) / 4
    return np.asarray(wave[:, None].repeat(channels, axis=1), dtype=np.float32)


def decode_file(path: Path) -> tuple[Frames, int]:
    blocks = list(decode_frames(str(path)))
    return np.concatenate([frames for frames, _ in blocks]), blocks[0][1]


@pytest.mark.parametrize("form", RECORDING_FORMATS)
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (44100, 2), (48000, 2), (192000, 1)])
def test_a_file_plays_at_the_right_length(tmp_path: Path, form: str, rate: int, channels: int) -> None:
    path = tmp_path / f"a.{form}"
    file = AudioFile(path, rate, channels, {"SURTITLE_SOURCE": "Höst"})
    said = tone(3.21, rate, channels)
    for at in range(0, len(said), 997):
        file.write(said[at : at + 997])
    file.close()
    frames, found = decode_file(path)
    info = inspect(path)
    assert len(frames) / found == pytest.approx(3.21, abs=0.001)
    assert info.seconds == pytest.approx(3.21, abs=0.001)
    assert info.tags["SURTITLE_SOURCE"] == "Höst"
    assert (info.channels, frames.shape[1]) == (channels, channels)
    if form == "flac":
        assert found == rate
        assert np.abs(frames - said).max() < 1 / 32768


@pytest.mark.parametrize("form", RECORDING_FORMATS)
def test_a_file_whose_writer_is_killed_plays_to_the_last_second(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"a.{form}"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        written = 0
        while written < 50:
            written = int(writer.stdout.readline())
        writer.kill()
        written = max([written, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    torn = decode_file(path)
    assert written / 10 - len(torn[0]) / torn[1] < 1.0
    assert is_open(path) == (form == "flac")
    finalize(path)
    assert not is_open(path)
    info = inspect(path)
    assert written / 10 - info.seconds < 1.0
    whole = decode_file(path)
    assert info.seconds == pytest.approx(len(whole[0]) / whole[1], abs=0.001)
    with av.open(str(path)) as container:
        assert container.duration is not None  # a player can show how long it is, and seek in it
    assert inspect(path) == info


@pytest.mark.parametrize("lost", [1, 50, 3000, 9001])
def test_flac_is_finalized_wherever_it_was_cut_off(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "a.flac"
    file = AudioFile(path, 16000, 1, {})
    noise = np.random.default_rng(7).uniform(-0.5, 0.5, (160_000, 1)).astype(np.float32)
    file.write(noise)
    file.abandon()  # no length in it, and no end
    path.write_bytes(path.read_bytes()[:-lost])
    finalize(path)
    info = inspect(path)
    frames, _ = decode_file(path)
    assert len(frames) == round(info.seconds * 16000)
    assert np.abs(frames - noise[: len(frames)]).max() < 1 / 32768
    assert 10 - info.seconds < 0.5 + lost / 20_000


@pytest.mark.parametrize("content", [b"", b"fLaC", b"not audio at all" * 100])
@pytest.mark.parametrize("form", RECORDING_FORMATS)
def test_a_file_that_is_not_a_recording_is_refused(tmp_path: Path, form: str, content: bytes) -> None:
    path = tmp_path / f"a.{form}"
    path.write_bytes(content)
    with suppress(BadAudio):
        finalize(path)
    with pytest.raises(BadAudio, match=path.name):
        inspect(path)


def test_existing_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(b"kept")
    with pytest.raises(FileExistsError):
        AudioFile(tmp_path / "a.flac", 16000, 1, {})
