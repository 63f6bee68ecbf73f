"""`surtitle transcribe` with files that have several audio tracks."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner

from surtitle.audio import RATE, Samples
from surtitle.audio.mediafile import Track, list_tracks, read
from surtitle.cli import transcription
from surtitle.cli.track_choice import choose_tracks
from surtitle.cli.transcribe import transcribe as command
from surtitle.core.errors import BadRequest
from tests.cli.test_transcribe import ScriptedTranscriber
from tests.support import silence, speech

TALK = "We went to the sea, and then we came home again."


def tone(seconds: float) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.2 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)


def write(path: Path, **tracks: Samples) -> Path:
    """A Matroska file with these titled tracks."""
    with av.open(str(path), "w", format="matroska") as container:
        streams = []
        for title in tracks:
            stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
            stream.metadata["title"] = title
            streams.append(stream)
        for stream, samples in zip(streams, tracks.values(), strict=True):
            data = (np.clip(samples, -1, 1) * 32767).astype(np.int16)[np.newaxis]
            frame = av.AudioFrame.from_ndarray(data, format="s16", layout="mono")
            frame.sample_rate = RATE
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def test_tracks_are_listed_with_their_titles_and_read_by_number(tmp_path: Path) -> None:
    file = write(tmp_path / "talk.mkv", Music=tone(2.0), Mic=silence(2.0))
    assert list_tracks(file) == [Track(1, "Music"), Track(2, "Mic")]
    assert max(np.abs(np.concatenate([*read(file, 1)]))) > 0.1
    assert max(np.abs(np.concatenate([*read(file, 2)]))) == 0.0


def test_the_track_with_speech_is_chosen_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    talk = speech(TALK)
    file = write(tmp_path / "talk.mkv", Music=tone(len(talk) / RATE), Mic=talk)
    assert choose_tracks(file, None) == [Track(2, "Mic")]
    assert "has 2 audio tracks: transcribing track 2 (Mic), which has most of the speech" in capsys.readouterr().err


def test_of_tracks_with_the_same_speech_the_first_is_chosen(tmp_path: Path) -> None:
    assert choose_tracks(write(tmp_path / "talk.mkv", Mix=speech(TALK), Mic=speech(TALK)), None) == [Track(1, "Mix")]
    assert choose_tracks(write(tmp_path / "quiet.mkv", Mix=silence(1), Mic=silence(1)), None) == [Track(1, "Mix")]


def test_a_track_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "talk.mkv", Mix=silence(1), Mic=silence(1))
    assert choose_tracks(file, "2") == [Track(2, "Mic")]
    with pytest.raises(BadRequest, match="has 2 audio tracks: give --track a number up to 2, or all"):
        choose_tracks(file, "3")


def test_each_of_all_tracks_is_a_speaker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = write(tmp_path / "talk.mkv", Host=silence(3), Guest=silence(3))
    scripted = ScriptedTranscriber(["はい。"], ["そうです。"])
    monkeypatch.setattr(transcription, "open_transcriber", lambda settings: scripted)
    result = CliRunner().invoke(command, [str(file), "--track", "all", "-f", "txt"])
    assert result.exit_code == 0
    assert result.stdout.count("Host:") == result.stdout.count("Guest:") > 0


@pytest.mark.parametrize("value", ["0", "-1", "two", ""])
def test_what_is_no_track_is_refused(tmp_path: Path, value: str) -> None:
    result = CliRunner().invoke(command, [str(write(tmp_path / "talk.mkv", Mix=silence(1))), "--track", value])
    assert result.exit_code == 2
    assert "is not a track: give its number, from 1, or all." in result.output
