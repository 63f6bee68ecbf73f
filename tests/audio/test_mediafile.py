"""The audio of files on the clock of their picture."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.audio.mediafile import list_tracks, read, read_excerpt
from surtitle.core.errors import BadAudio
from tests.audio.test_stream_clock import encode
from tests.support import as_wav, need, silence


def tone(seconds: float) -> Samples:
    return (np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE) / 2).astype(np.float32)


def find_sound(samples: Samples) -> list[tuple[float, float]]:
    """The stretches with sound, in seconds, rounded to hundredths."""
    loud = np.array([np.abs(part).max() > 0.05 for part in np.split(samples, range(160, len(samples), 160))])
    edges = np.flatnonzero(np.diff(loud, prepend=False, append=False)).tolist()
    return [(first / 100, last / 100) for first, last in zip(edges[::2], edges[1::2], strict=True)]


@pytest.mark.parametrize(
    ("name", "codecs"),
    [
        ("late.mkv", ["-c:v", "mpeg4", "-c:a", "aac"]),
        ("late.mp4", ["-c:v", "mpeg4", "-c:a", "aac"]),
        ("late.ts", ["-c:v", "mpeg2video", "-c:a", "aac"]),
        ("late.webm", ["-c:v", "libvpx", "-c:a", "libopus"]),
    ],
)
def test_sound_that_begins_after_the_picture_keeps_its_time(tmp_path: Path, name: str, codecs: list[str]) -> None:
    (tmp_path / "tone.wav").write_bytes(as_wav(tone(2)))
    picture = ["-f", "lavfi", "-i", "color=black:s=64x64:r=10:d=5"]
    sound = ["-itsoffset", "2.5", "-i", str(tmp_path / "tone.wav")]
    command = [need("ffmpeg"), "-v", "error", *picture, *sound, "-map", "0:v", "-map", "1:a", *codecs]
    subprocess.run([*command, str(tmp_path / name)], check=True, timeout=60)
    ((start, end),) = find_sound(np.concatenate(list(read(tmp_path / name))))
    assert start == pytest.approx(2.5, abs=0.05)
    assert end == pytest.approx(4.5, abs=0.05)


def test_lost_packets_leave_a_gap(tmp_path: Path) -> None:
    sound = np.concatenate((tone(2), silence(2), tone(2)))
    (tmp_path / "whole.wav").write_bytes(as_wav(sound))
    with (
        av.open(str(tmp_path / "whole.wav")) as source,
        av.open(str(tmp_path / "whole.mka"), mode="w", format="matroska") as encoded,
    ):
        stream = encoded.add_stream("libopus", rate=48_000)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        for frame in source.decode(audio=0):
            for part in resampler.resample(frame):
                encoded.mux(stream.encode(part))
        encoded.mux(stream.encode(None))
    with (
        av.open(str(tmp_path / "whole.mka")) as source,
        av.open(str(tmp_path / "damaged.mka"), mode="w", format="matroska") as damaged,
    ):
        copy = damaged.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.pts is not None and not 0.5 < float(packet.pts * packet.time_base) < 3.5:
                packet.stream = copy
                damaged.mux(packet)
    first, *_, last = find_sound(np.concatenate(list(read(tmp_path / "damaged.mka"))))
    # between them, the codec's memory may make a click
    assert first == pytest.approx((0.0, 0.5), abs=0.06)
    assert last == pytest.approx((4.0, 6.0), abs=0.06)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["Part1:intro.wav", "http:100 %d.wav", "日本語 ?.wav", "-.wav"])
def test_any_file_name_that_the_system_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).write_bytes(as_wav(tone(1)))
    monkeypatch.chdir(tmp_path)
    for path in (name, tmp_path / name):
        assert sum(len(block) for block in read(path)) == RATE


def test_a_file_without_audio_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(bytes(range(256)) * 100)
    with pytest.raises(BadAudio, match=r"notes\.txt"):
        list(read(path))


def test_an_empty_file_and_an_empty_track_have_no_audio(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.touch()
    with pytest.raises(BadAudio, match=r"empty\.wav .*it is empty"):
        list(read(path))
    path.write_bytes(as_wav(silence(0)))
    assert list(read(path)) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_because_it_can_be_read_only_once(tmp_path: Path) -> None:
    pipe = tmp_path / "talk.wav"
    os.mkfifo(pipe)
    for read_it in (list_tracks, lambda path: list(read(path)), lambda path: read_excerpt(path, 1, 0.0, 1.0)):
        with pytest.raises(BadAudio, match="is a pipe"):
            read_it(pipe)


def test_recordings_one_after_the_other_in_one_file_are_all_heard(tmp_path: Path) -> None:
    path = tmp_path / "chain.ogg"
    path.write_bytes(encode("ogg") + encode("ogg", layout="stereo") + encode("ogg"))
    assert sum(map(len, read(path))) / RATE == pytest.approx(6.0, abs=0.2)
    path.write_bytes(encode("matroska") + encode("matroska"))  # their timestamps begin again
    assert sum(map(len, read(path))) / RATE == pytest.approx(4.0, abs=0.2)


def test_the_clock_of_one_program_is_not_that_of_another(tmp_path: Path) -> None:
    """FFmpeg takes the earliest of all timestamps for the start of each stream."""
    path = tmp_path / "programs.ts"
    ffmpeg = [need("ffmpeg"), "-v", "error", "-y"]
    (tmp_path / "tone.wav").write_bytes(as_wav(tone(2)))
    picture = ["-f", "lavfi", "-i", "color=black:s=64x64:r=10:d=2", "-c:v", "mpeg2video"]
    first, second = str(tmp_path / "first.ts"), str(tmp_path / "second.ts")
    commands = [
        [*picture, "-output_ts_offset", "1000", first],
        [
            *picture[:4],
            "-i",
            str(tmp_path / "tone.wav"),
            *picture[4:],
            "-c:a",
            "aac",
            "-output_ts_offset",
            "3000",
            second,
        ],
        ["-copyts", "-i", first, "-i", second, "-map", "0:v", "-map", "1:v", "-map", "1:a", "-c", "copy"],
    ]
    commands[2] += ["-program", "st=0", "-program", "st=1:st=2", str(path)]
    for command in commands:
        subprocess.run([*ffmpeg, *command], check=True, timeout=60)
    assert sum(map(len, read(path))) / RATE == pytest.approx(2.0, abs=0.2)
