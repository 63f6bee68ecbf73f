"""`surtitle align`: with a session that was recorded, and with one that was not."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from surtitle.audio import RATE, Samples
from surtitle.channels.session import Session
from surtitle.cli import transcription
from surtitle.cli.main import main
from surtitle.core.settings import RECORDINGS
from surtitle.core.words import Word
from surtitle.demo import SAMPLE
from surtitle.recordings.audio_file import AudioFile
from surtitle.recordings.files import RecordingFiles, RecordingState
from surtitle.store import records
from surtitle.store.journal import Batch, PendingCaption, Store
from surtitle.store.transcripts import Transcripts
from tests.captions.test_transcript import caption
from tests.support import as_wav, load

SESSION = "20261130-120000-00000001"
START = 2.5  # seconds on the channel's clock at which the recording begins
TEXTS = ["One two three four.", "Five six seven eight.", "Nine ten eleven twelve.", "Thirteen fourteen fifteen."]


@pytest.fixture(scope="module")
def sample() -> Samples:
    return load(SAMPLE)


def make_session(folder: Path, sound: Samples | None) -> None:
    store = Store(folder)
    session = Session(SESSION, "main", 1_700_000_000.0, "e", 0, "c1")
    said = [caption(number, "Host", text, START + 1 + number * 6) for number, text in enumerate(TEXTS)]
    pending = [PendingCaption(session, "", one, number, lambda *_: None) for number, one in enumerate(said)]
    store.write(Batch(sessions={SESSION: session}, captions={(SESSION, "", one.caption.id): one for one in pending}))
    if sound is not None:
        files = RecordingFiles(folder / RECORDINGS, Transcripts(store.database))
        path = files.new_path(SESSION, "Host", "flac")
        path.parent.mkdir(parents=True)
        file = AudioFile(path, RATE, 1, {})
        file.write(sound[:, None])
        file.close()
        seconds = len(sound) / RATE
        files.save(path, records.Recording("", SESSION, "Host", START, seconds, RecordingState.DONE))
    store.close()


def run(folder: Path, *arguments: str) -> Any:
    return CliRunner().invoke(main, ["align", *arguments, "--data-dir", str(folder)])


def test_a_recorded_session_is_fitted_by_its_sound(tmp_path: Path, sample: Samples) -> None:
    make_session(tmp_path, sample)
    recording = tmp_path / "camera.wav"
    recording.write_bytes(as_wav(np.concatenate((np.zeros(RATE, np.float32), 0.3 * sample[8 * RATE :]))))
    result = run(tmp_path, str(recording), SESSION)
    assert result.exit_code == 0, result.stderr
    assert float(result.stdout) == pytest.approx(1 - 8 - START, abs=0.1)
    result = run(tmp_path, str(recording), SESSION, "-o", str(tmp_path / "camera.timed.txt"))
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "camera.timed.txt").read_text() == (
        "[0:00:00] Five six seven eight.\n[0:00:06] Nine ten eleven twelve.\n[0:00:12] Thirteen fourteen fifteen.\n"
    )
    assert "already exists" in run(tmp_path, str(recording), SESSION, "-o", str(tmp_path / "camera.timed.txt")).stderr


def test_a_recording_that_was_paused_has_several_offsets(tmp_path: Path, sample: Samples) -> None:
    make_session(tmp_path, sample)
    recording = tmp_path / "camera.wav"
    recording.write_bytes(as_wav(np.concatenate((sample[: 9 * RATE], sample[13 * RATE :]))))
    lines = run(tmp_path, str(recording), SESSION).stdout.split("\n")[:-1]
    assert [float(line.split()[1]) for line in lines] == pytest.approx([-START, -START - 4], abs=0.1)
    assert lines[0].startswith("0:00:00 ")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_the_name_of_the_recording_need_not_be_unicode(tmp_path: Path, sample: Samples) -> None:
    make_session(tmp_path, sample)
    recording = tmp_path / os.fsdecode(b"cam\xe9ra [red].wav")
    recording.write_bytes(as_wav(sample[::-1].copy()))
    result = run(tmp_path, str(recording), SESSION)
    assert "cam\N{REPLACEMENT CHARACTER}ra [red].wav and session" in result.stderr
    recording.write_bytes(as_wav(sample))
    assert float(run(tmp_path, str(recording), SESSION).stdout) == pytest.approx(-START, abs=0.1)


def test_other_sound_and_other_sessions_are_reported(tmp_path: Path, sample: Samples) -> None:
    make_session(tmp_path, sample)
    recording = tmp_path / "camera.wav"
    recording.write_bytes(as_wav(sample[::-1].copy()))
    assert "have nothing in common" in run(tmp_path, str(recording), SESSION).stderr
    assert "There is no session 'none'" in run(tmp_path, str(recording), "none").stderr


class ScriptedTranscriber:
    """Hears the words of the session ten seconds later."""

    name = "scripted"
    language = "en"

    def words(self, blocks: Iterable[Samples]) -> Generator[tuple[float, list[Word]], None, None]:
        list(blocks)
        yield (
            30.0,
            [
                Word(text, START + 11 + number * 6 + at * 0.5, START + 11.4 + number * 6 + at * 0.5)
                for number, said in enumerate(TEXTS)
                for at, text in enumerate(said.split())
            ],
        )

    def close(self) -> None:
        """Nothing to release."""


def test_a_session_that_was_not_recorded_is_fitted_by_words(
    tmp_path: Path, sample: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_session(tmp_path, None)
    recording = tmp_path / "camera.wav"
    recording.write_bytes(as_wav(sample))
    refused = run(tmp_path, str(recording), SESSION)
    assert refused.exit_code == 1
    assert "was not recorded, so there is no sound to compare: add --by-words" in refused.stderr
    monkeypatch.setattr(transcription, "open_transcriber", lambda settings: ScriptedTranscriber())
    result = run(tmp_path, str(recording), SESSION, "--by-words")
    assert result.exit_code == 0, result.stderr
    assert float(result.stdout) == pytest.approx(10.0)
