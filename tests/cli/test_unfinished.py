"""Transcriptions that are stopped and continued."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.cli.unfinished import TrackProgress, Unfinished, state_path
from surtitle.core.errors import BadRequest
from surtitle.core.words import Word
from tests.cli.test_transcribe import run
from tests.support import as_wav

TALK: Samples = np.repeat(np.arange(1, 7) / 10, RATE).astype(np.float32)  # six seconds, each with its own level


class Transcriber:
    """Recognizes each second by its level, and is stopped after ``seconds``."""

    name = "scripted"
    language = "en"

    def __init__(self, seconds: float = 100.0, end: BaseException | None = None) -> None:
        self.heard: list[int] = []
        self._seconds = seconds
        self._end = end

    def words(self, blocks: Iterable[Samples]) -> Generator[tuple[float, list[Word]], None, None]:
        audio = np.concatenate(list(blocks))
        for second, part in enumerate(np.split(audio, range(RATE, len(audio), RATE))):
            if second == self._seconds and self._end is not None:
                raise self._end
            self.heard.append(round(float(part[100]) * 10))
            yield second + 1.0, [Word(f"level{self.heard[-1]}.", second + 0.1, second + 0.9)]

    def close(self) -> None:
        """Nothing to release."""


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    path.write_bytes(as_wav(TALK))
    return path


def transcribe(monkeypatch: pytest.MonkeyPatch, transcriber: Transcriber, *arguments: object) -> Any:
    scripted: Any = transcriber
    return run(monkeypatch, scripted, *arguments)


def test_a_second_run_continues_where_the_first_was_stopped(monkeypatch: pytest.MonkeyPatch, talk: Path) -> None:
    output = talk.with_suffix(".srt")
    first = transcribe(monkeypatch, Transcriber(2, KeyboardInterrupt()), talk, "-o", output)
    assert first.exit_code == 130
    assert "0:00:02: run the same command with --resume" in first.stderr
    assert "--overwrite" in transcribe(monkeypatch, Transcriber(), talk, "-o", output).stderr
    second = Transcriber(3, KeyboardInterrupt())
    assert transcribe(monkeypatch, second, talk, "-o", output, "--resume").exit_code == 130
    third = Transcriber()
    assert transcribe(monkeypatch, third, talk, "-o", output, "--resume").exit_code == 0
    assert (second.heard, third.heard) == ([3, 4, 5], [6])
    once = talk.with_name("once.srt")
    transcribe(monkeypatch, Transcriber(), talk, "-o", once)
    assert output.read_text() == once.read_text()
    assert sorted(talk.parent.iterdir()) == sorted([talk, output, once])


def test_files_that_are_complete_are_left_out(monkeypatch: pytest.MonkeyPatch, talk: Path, tmp_path: Path) -> None:
    other = tmp_path / "welcome.wav"
    other.write_bytes(as_wav(TALK))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "talk.srt").write_text("complete")
    transcriber = Transcriber()
    command = (talk, other, "-o", tmp_path / "out", "-f", "srt", "--resume")
    assert transcribe(monkeypatch, transcriber, *command).exit_code == 0
    assert transcriber.heard == [1, 2, 3, 4, 5, 6]
    assert (tmp_path / "out" / "talk.srt").read_text() == "complete"
    assert "transcribed already" in transcribe(monkeypatch, transcriber, *command).stderr


def test_other_options_and_changed_recordings_are_refused(monkeypatch: pytest.MonkeyPatch, talk: Path) -> None:
    output = talk.with_suffix(".srt")
    transcribe(monkeypatch, Transcriber(2, KeyboardInterrupt()), talk, "-o", output)
    result = transcribe(monkeypatch, Transcriber(), talk, "-o", output, "--resume", "--language", "de")
    assert result.exit_code == 1
    assert "begun with other options" in result.stderr
    talk.write_bytes(as_wav(TALK[RATE:]))
    assert transcribe(monkeypatch, Transcriber(), talk, "-o", output, "--resume").exit_code == 1
    state_path(output).write_text("{")
    assert "start again with --overwrite" in transcribe(
        monkeypatch, Transcriber(), talk, "-o", output, "--resume"
    ).stderr.replace("\n", " ")
    assert transcribe(monkeypatch, Transcriber(), talk, "-o", output, "--overwrite").exit_code == 0
    assert not state_path(output).exists()


def test_standard_output_cannot_be_continued(monkeypatch: pytest.MonkeyPatch, talk: Path) -> None:
    result = transcribe(monkeypatch, Transcriber(), talk, "--resume")
    assert result.exit_code == 1
    assert "add -o FILE" in result.stderr


def test_progress_is_stored_at_intervals_and_a_full_disk_does_not_stop_the_work(
    monkeypatch: pytest.MonkeyPatch, talk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = talk.with_suffix(".srt")
    now = 0.0
    monkeypatch.setattr("surtitle.cli.unfinished.time.monotonic", lambda: now)
    kept = Unfinished(talk, output, "options", resume=False)
    kept.update(1, TrackProgress(1.0, [("en", Word("one", 0.1, 0.9))]))
    assert not state_path(output).exists()
    now = 60.0
    kept.update(1, TrackProgress(2.0, [("en", Word("one", 0.1, 0.9)), ("de", Word("zwei", 1.1, 1.9))]))
    again = Unfinished(talk, output, "options", resume=True).track(1)
    assert (again.until, [word.text for _, word in again.words]) == (2.0, ["one", "zwei"])
    with pytest.raises(BadRequest):
        Unfinished(talk, output, "others", resume=True)

    def fail(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    for _ in range(3):
        kept.update(1, TrackProgress(3.0), save=True)
    assert caplog.text.count("No space left on device") == 1
