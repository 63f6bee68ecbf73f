from __future__ import annotations

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest

from surtitle.audio import Frames
from surtitle.core.errors import BadAudio
from surtitle.recordings.audio_file import AudioFile
from surtitle.recordings.files import RecordingFile, in_turn
from surtitle.recordings.mix import end_of, mix, place_of, start_of
from surtitle.recordings.mix_jobs import Mixer
from tests.recordings.test_audio_file import heard


def level(value: float, seconds: float, rate: int, channels: int = 1) -> Frames:
    return np.full((round(seconds * rate), channels), value, dtype=np.float32)


def recorded(folder: Path, number: int, source: str, clock: float, rate: int, frames: Frames) -> RecordingFile:
    path = folder / f"{number}-{source}.flac"
    file = AudioFile(path, rate, frames.shape[1], {})
    file.write(frames)
    file.close()
    return RecordingFile(path, source, clock, len(frames) / rate, path.stat().st_size)


def mixed(recordings: list[RecordingFile]) -> Path:
    return mix(recordings, lambda: True, lambda share: None)


def at(frames: Frames, rate: int, *seconds: float) -> list[float]:
    """The level of the first channel."""
    return [round(float(frames[round(one * rate), 0]), 2) for one in seconds]


def test_a_single_recording_is_the_mix(tmp_path: Path) -> None:
    only = recorded(tmp_path, 1, "a", 3.0, 16_000, level(0.1, 1.0, 16_000))
    assert mixed([only]) == only.path


def test_each_is_at_its_place_whatever_its_rate_and_channels(tmp_path: Path) -> None:
    first = recorded(tmp_path, 1, "a", 10.0, 16_000, level(0.1, 8.0, 16_000))
    second = recorded(tmp_path, 2, "b", 12.0, 44_100, level(0.2, 9.0, 44_100, 2))
    shares: list[float] = []
    path = mix([first, second], lambda: True, shares.append)
    frames, rate = heard(path)
    assert (rate, frames.shape) == (44_100, (11 * 44_100, 2))
    assert at(frames, rate, 1.0, 3.0, 7.5, 8.5, 10.9) == [0.1, 0.3, 0.3, 0.2, 0.2]
    assert (start_of([first, second]), end_of([first, second])) == (10.0, 21.0)
    assert shares[-1] == 1.0
    assert path == place_of([first, second])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["1-a.flac", "2-b.flac", path.name]


def test_what_was_told_twice_is_heard_once(tmp_path: Path) -> None:
    """A client that goes on after a restart tells its last seconds again."""
    first = recorded(tmp_path, 1, "a", 0.0, 16_000, level(0.1, 5.0, 16_000))
    second = recorded(tmp_path, 2, "a", 3.0, 16_000, level(0.2, 4.0, 16_000))
    recordings = in_turn([first, second])
    assert [one.counts for one in recordings] == [3.0, 4.0]
    frames, rate = heard(mixed(recordings))
    assert at(frames, rate, 2.9, 3.1, 4.5, 6.9) == [0.1, 0.2, 0.2, 0.2]
    assert len(frames) == 7 * rate


def test_a_mix_of_more_takes_the_place_of_one_of_fewer(tmp_path: Path) -> None:
    parts = [recorded(tmp_path, n, "abc"[n], float(n), 16_000, level(0.1, 1.0, 16_000)) for n in range(3)]
    before = mixed(parts[:2])
    after = mixed(parts)
    assert after.exists()
    assert not before.exists()


def test_what_cannot_be_mixed_leaves_nothing_behind(tmp_path: Path) -> None:
    good = recorded(tmp_path, 1, "a", 0.0, 16_000, level(0.1, 1.0, 16_000))
    (tmp_path / "2-b.flac").write_bytes(b"no sound")
    with pytest.raises(BadAudio):
        mixed([good, RecordingFile(tmp_path / "2-b.flac", "b", 0.0, 1.0, 8)])
    assert not list(tmp_path.glob("mix-*"))
    assert not list(tmp_path.glob("part-*"))


async def test_several_who_wait_get_the_same_mix(tmp_path: Path) -> None:
    parts = [recorded(tmp_path, n, "ab"[n], 0.0, 16_000, level(0.1, 20.0, 16_000)) for n in range(2)]
    mixer = Mixer()
    assert mixer.done(parts) == 0.0
    mixer.begin(parts)
    first, second = await asyncio.gather(mixer.get(parts), mixer.get(parts))
    assert first == second == await mixer.get(parts)
    assert mixer.done(parts) == 1.0
    await mixer.close()


async def test_what_nobody_wants_any_more_is_not_made(tmp_path: Path) -> None:
    parts = [recorded(tmp_path, n, "ab"[n], 0.0, 16_000, level(0.1, 600.0, 16_000)) for n in range(2)]
    mixer = Mixer()
    mixer.begin(parts)
    await mixer.drop(tmp_path)
    assert mixer.done(parts) == 0.0
    assert sorted(os.listdir(tmp_path)) == ["0-a.flac", "1-b.flac"]
