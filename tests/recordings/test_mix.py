from __future__ import annotations

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest

from surtitle.audio import Frames
from surtitle.core.errors import BadAudio
from surtitle.recordings.audio_file import AudioFile
from surtitle.recordings.files import RecordingFile, trim_overlaps
from surtitle.recordings.mix import make_mix, mix_end, mix_path, mix_start
from surtitle.recordings.mix_jobs import Mixer
from tests.recordings.test_audio_file import decode_file


def level(value: float, seconds: float, rate: int, channels: int = 1) -> Frames:
    return np.full((round(seconds * rate), channels), value, dtype=np.float32)


def write_recording(folder: Path, number: int, source: str, clock: float, rate: int, frames: Frames) -> RecordingFile:
    path = folder / f"{number}-{source}.flac"
    file = AudioFile(path, rate, frames.shape[1], {})
    file.write(frames)
    file.close()
    return RecordingFile(path, source, clock, len(frames) / rate, path.stat().st_size)


def mix_all(recordings: list[RecordingFile]) -> Path:
    return make_mix(recordings, lambda: True, lambda share: None)


def levels_at(frames: Frames, rate: int, *seconds: float) -> list[float]:
    """The level of the first channel."""
    return [round(float(frames[round(one * rate), 0]), 2) for one in seconds]


def test_a_single_recording_is_the_mix(tmp_path: Path) -> None:
    only = write_recording(tmp_path, 1, "a", 3.0, 16_000, level(0.1, 1.0, 16_000))
    assert mix_all([only]) == only.path


def test_each_recording_keeps_its_time_whatever_its_rate_and_channels(tmp_path: Path) -> None:
    first = write_recording(tmp_path, 1, "a", 10.0, 16_000, level(0.1, 8.0, 16_000))
    second = write_recording(tmp_path, 2, "b", 12.0, 44_100, level(0.2, 9.0, 44_100, 2))
    shares: list[float] = []
    path = make_mix([first, second], lambda: True, shares.append)
    frames, rate = decode_file(path)
    assert (rate, frames.shape) == (44_100, (11 * 44_100, 2))
    assert levels_at(frames, rate, 1.0, 3.0, 7.5, 8.5, 10.9) == [0.1, 0.3, 0.3, 0.2, 0.2]
    assert (mix_start([first, second]), mix_end([first, second])) == (10.0, 21.0)
    assert shares[-1] == 1.0
    assert path == mix_path([first, second])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["1-a.flac", "2-b.flac", path.name]


def test_overlapping_audio_is_heard_once(tmp_path: Path) -> None:
    """A client that continues after a restart sends its last seconds again."""
    first = write_recording(tmp_path, 1, "a", 0.0, 16_000, level(0.1, 5.0, 16_000))
    second = write_recording(tmp_path, 2, "a", 3.0, 16_000, level(0.2, 4.0, 16_000))
    recordings = trim_overlaps([first, second])
    assert [one.unique_seconds for one in recordings] == [3.0, 4.0]
    frames, rate = decode_file(mix_all(recordings))
    assert levels_at(frames, rate, 2.9, 3.1, 4.5, 6.9) == [0.1, 0.2, 0.2, 0.2]
    assert len(frames) == 7 * rate


def test_a_mix_of_more_recordings_replaces_one_of_fewer(tmp_path: Path) -> None:
    parts = [write_recording(tmp_path, n, "abc"[n], float(n), 16_000, level(0.1, 1.0, 16_000)) for n in range(3)]
    before = mix_all(parts[:2])
    after = mix_all(parts)
    assert after.exists()
    assert not before.exists()


def test_a_failed_mix_leaves_no_files(tmp_path: Path) -> None:
    good = write_recording(tmp_path, 1, "a", 0.0, 16_000, level(0.1, 1.0, 16_000))
    (tmp_path / "2-b.flac").write_bytes(b"no sound")
    with pytest.raises(BadAudio):
        mix_all([good, RecordingFile(tmp_path / "2-b.flac", "b", 0.0, 1.0, 8)])
    assert not list(tmp_path.glob("mix-*"))
    assert not list(tmp_path.glob("part-*"))


async def test_several_clients_get_the_same_mix(tmp_path: Path) -> None:
    parts = [write_recording(tmp_path, n, "ab"[n], 0.0, 16_000, level(0.1, 20.0, 16_000)) for n in range(2)]
    mixer = Mixer(lambda recording: recording.path)
    assert mixer.progress(parts) == 0.0
    mixer.prepare(parts)
    first, second = await asyncio.gather(mixer.get(parts), mixer.get(parts))
    assert first == second == await mixer.get(parts)
    assert mixer.progress(parts) == 1.0
    await mixer.close()


async def test_a_cancelled_mix_is_not_made(tmp_path: Path) -> None:
    parts = [write_recording(tmp_path, n, "ab"[n], 0.0, 16_000, level(0.1, 600.0, 16_000)) for n in range(2)]
    mixer = Mixer(lambda recording: recording.path)
    mixer.prepare(parts)
    await mixer.cancel(tmp_path)
    assert mixer.progress(parts) == 0.0
    assert sorted(os.listdir(tmp_path)) == ["0-a.flac", "1-b.flac"]
