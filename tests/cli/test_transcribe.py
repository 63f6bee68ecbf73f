"""`surtitle transcribe` with a scripted recognizer."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import tempfile
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from surtitle.audio import Samples, mediafile
from surtitle.cli import transcription
from surtitle.cli.transcribe import transcribe as command
from surtitle.core.errors import BadAudio, EngineError
from surtitle.core.settings import Settings
from surtitle.core.words import Word
from surtitle.speakers import recorded
from surtitle.speakers.sortformer_kind import SortformerKind
from surtitle.speakers.timeline import FRAME, SPEAKERS, Timeline
from tests.support import as_wav, silence


class ScriptedTranscriber:
    """Recognizes the given words, a list for each second, and then ends or raises."""

    name = "scripted"
    language = "ja"

    def __init__(self, *words: list[str], end: BaseException | None = None) -> None:
        self._words = words
        self._end = end

    def words(self, blocks: Iterable[Samples]) -> Generator[tuple[float, list[Word]], None, None]:
        list(blocks)
        for second, words in enumerate(self._words):
            yield second + 1.0, [Word(text, second + 0.1, second + 0.9) for text in words]
        if self._end is not None:
            raise self._end

    def close(self) -> None:
        """Nothing to release."""


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    path.write_bytes(as_wav(silence(3)))
    return path


def run(monkeypatch: pytest.MonkeyPatch, transcriber: ScriptedTranscriber, *arguments: object) -> Any:
    monkeypatch.setattr(transcription, "open_transcriber", lambda settings: transcriber)
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_ctrl_c_writes_what_was_recognized(monkeypatch: pytest.MonkeyPatch, talk: Path, tmp_path: Path) -> None:
    transcriber = ScriptedTranscriber(["はい。"], ["そう", "です"], end=KeyboardInterrupt())
    result = run(monkeypatch, transcriber, talk, "-o", tmp_path / "out.txt")
    assert result.exit_code == 130
    assert "transcribed up to 0:00:02" in result.stderr
    assert "はい。" in (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert "です" in (tmp_path / "out.txt").read_text(encoding="utf-8")


def test_a_failure_writes_what_was_recognized(monkeypatch: pytest.MonkeyPatch, talk: Path) -> None:
    result = run(monkeypatch, ScriptedTranscriber(["はい。"], end=EngineError("Out of memory.")), talk, "-f", "txt")
    assert result.exit_code == 1
    assert result.stdout_bytes.decode("utf-8").strip() == "はい。"
    assert "Out of memory." in result.stderr


def test_times_are_shifted(monkeypatch: pytest.MonkeyPatch, talk: Path) -> None:
    transcriber = ScriptedTranscriber(["はい。"], ["そう"])
    result = run(monkeypatch, transcriber, talk, "-f", "timed.txt", "--offset", "3600.5")
    assert result.stdout_bytes.decode("utf-8") == "[1:00:00] はい。 そう\n"
    result = run(monkeypatch, ScriptedTranscriber(["はい。"], ["そう"]), talk, "-f", "timed.txt", "--offset=-1")
    assert result.stdout_bytes.decode("utf-8") == "[0:00:00] そう\n"


@pytest.mark.parametrize("offset", ["nan", "inf", "-1e300", "soon"])
def test_an_impossible_offset_is_refused_before_the_work(talk: Path, offset: str) -> None:
    result = CliRunner().invoke(command, [str(talk), f"--offset={offset}"])
    assert result.exit_code == 2
    assert "--offset" in result.stderr


def test_an_offset_that_leaves_nothing_is_reported(monkeypatch: pytest.MonkeyPatch, talk: Path) -> None:
    result = run(monkeypatch, ScriptedTranscriber(["はい。"]), talk, "--offset=-60")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "With --offset -60, all captions of" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_shutdown_or_a_closed_terminal_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, talk: Path, tmp_path: Path, name: str
) -> None:
    number = getattr(signal, name)

    class Terminated(ScriptedTranscriber):
        def words(self, blocks: Iterable[Samples]) -> Generator[tuple[float, list[Word]], None, None]:
            yield from super().words(blocks)
            signal.raise_signal(number)

    before = signal.signal(number, signal.SIG_DFL)  # the tests may run below nohup, which ignores SIGHUP
    try:
        result = run(monkeypatch, Terminated(["はい。"]), talk, "-o", tmp_path / "out.txt")
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert result.exit_code == 130
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "はい。\n"


def test_standard_output_is_utf_8(monkeypatch: pytest.MonkeyPatch, talk: Path) -> None:
    monkeypatch.setattr(transcription, "open_transcriber", lambda settings: ScriptedTranscriber(["はい。"]))
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252"))
    command.main([str(talk), "-f", "txt"], standalone_mode=False)
    assert raw.getvalue().decode("utf-8").strip() == "はい。"


def test_an_unwritable_output_is_refused_before_the_work(monkeypatch: pytest.MonkeyPatch, talk: Path) -> None:
    def refuse(settings: Settings) -> ScriptedTranscriber:
        raise AssertionError("no model is loaded")

    monkeypatch.setattr(transcription, "open_transcriber", refuse)
    result = CliRunner().invoke(command, [str(talk), "-o", str(talk.parent / "missing" / "out.srt")])
    assert result.exit_code == 1
    assert "There is no folder" in result.stderr


def test_speakers_need_the_extra(monkeypatch: pytest.MonkeyPatch, talk: Path) -> None:
    monkeypatch.setattr("surtitle.core.kinds.importlib.util.find_spec", lambda name: None)
    result = run(monkeypatch, ScriptedTranscriber(["はい。"]), talk, "--speakers")
    assert result.exit_code == 1
    assert "surtitle[diarization]" in result.stderr


def test_words_have_their_speakers(monkeypatch: pytest.MonkeyPatch, talk: Path) -> None:
    timeline = Timeline(0.0, 600.0)
    for speaker in (0, 1, 0):
        activity = np.zeros((round(1 / FRAME), SPEAKERS), dtype=np.float32)
        activity[:, speaker] = 1.0
        timeline.add(timeline.known, activity)
    monkeypatch.setattr(SortformerKind, "problem", lambda self: "")
    monkeypatch.setattr(recorded, "speakers", lambda blocks, model, progress: timeline)
    result = run(monkeypatch, ScriptedTranscriber(["one"], ["two"], ["three"]), talk, "--speakers", "-f", "txt")
    assert result.exit_code == 0, result.stderr
    assert result.stdout_bytes.decode().split() == (
        ["Speaker", "1:", "one", "Speaker", "2:", "two", "Speaker", "1:", "three"]
    )


class FakeProcess:
    """A speaker model that hears one speaker in every request."""

    def __init__(self, model: str) -> None:
        self._frames = 0

    def wait_until_loaded(self) -> None:
        """It always is."""

    def ask(self, operation: str, key: int, *request: Any) -> list[tuple[int, int, bytes, int]]:
        if operation == "flush":
            return []
        _, position, samples = request
        frames = len(samples) // 4 // round(FRAME * 16_000)
        activity = np.zeros((frames, SPEAKERS), dtype=np.float32)
        activity[:, (position // 320_000) % 2] = 1.0
        return [(position, frames, activity.tobytes(), 0)]

    def close(self) -> None:
        """There is no process."""


def test_a_recording_of_any_length_keeps_its_speakers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SortformerKind, "problem", lambda self: "")
    monkeypatch.setattr(recorded, "run_model", FakeProcess)
    progress: list[float] = []
    found = recorded.speakers([silence(20)] * 30, "model.nemo", progress.append)
    assert progress[-1] == 600
    assert [found.who(second, second + 0.5) for second in (1, 21, 301, 581, 599)] == [(0,), (1,), (1,), (1,), (1,)]


def test_a_language_that_the_model_does_not_know_is_refused(whisper_tiny: Path) -> None:
    settings = Settings(engine="auto", model=str(whisper_tiny), language="de-at")
    with pytest.raises(EngineError, match=r"recognizes English only, not German \(Austria\) \(de-at\): choose"):
        transcription.open_transcriber(settings)


def test_a_language_that_no_model_knows_is_refused(whisper_base: Path) -> None:
    with pytest.raises(EngineError, match=r"does not know Klingon \(tlh\): choose another language or model"):
        transcription.open_transcriber(Settings(model=str(whisper_base), language="tlh"))


def test_the_built_in_recognizer_refuses_other_languages() -> None:
    with pytest.raises(EngineError, match="recognizes English only, not German"):
        transcription.open_transcriber(Settings(engine="pocketsphinx", language="de"))


@pytest.mark.parametrize(("tag", "code"), [("pt-br", "pt"), ("nb", "no"), ("zh-tw", "zh-TW"), ("auto", "auto")])
def test_a_language_may_have_a_region(whisper_base: Path, tag: str, code: str) -> None:
    transcriber = transcription.open_transcriber(Settings(model=str(whisper_base), language=tag))
    assert transcriber.language == code


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow only names in Unicode")
@pytest.mark.parametrize("form", ["srt", "json", "md", "ass"])
def test_a_file_name_may_be_anything(monkeypatch: pytest.MonkeyPatch, talk: Path, form: str) -> None:
    odd = talk.rename(talk.with_name(os.fsdecode(b"caf\xe9 [bold]\n.wav")))
    output = odd.with_suffix(f".{form}")
    result = run(monkeypatch, ScriptedTranscriber(["Yes."]), odd, "-o", output, "-f", form)
    assert result.exit_code == 0, result.output
    assert "Yes." in output.read_text(encoding="utf-8")


class FullDisk(io.RawIOBase):
    """A file on a disk that becomes full after some bytes."""

    def __init__(self, space: int) -> None:
        self._space = space

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if not self._space:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written, self._space = min(len(data), self._space), 0
        return written


def test_a_disk_that_fills_loses_no_transcript(monkeypatch: pytest.MonkeyPatch, talk: Path, tmp_path: Path) -> None:
    def fill(path: Path, text: str, **options: Any) -> int:
        path.write_bytes(text.encode()[:5])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", fill)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = run(monkeypatch, ScriptedTranscriber(["はい。"]), talk, "-o", tmp_path / "out.txt")
    (kept,) = tmp_path.glob("out-*.txt")
    assert result.exit_code == 1
    assert str(kept) in result.stderr
    assert kept.read_text(encoding="utf-8") == "はい。\n"
    assert not (tmp_path / "out.txt").exists()

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    result = run(monkeypatch, ScriptedTranscriber(["はい。"]), talk, "-o", tmp_path / "out.txt")
    assert result.exit_code == 1
    assert result.stdout_bytes.decode() == "はい。\n"
    assert "on standard output instead" in result.stderr


def test_standard_output_on_a_full_disk(monkeypatch: pytest.MonkeyPatch, talk: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stream = io.TextIOWrapper(io.BufferedWriter(FullDisk(4)), encoding="utf-8")
    monkeypatch.setattr(transcription, "open_transcriber", lambda settings: ScriptedTranscriber(["はい。"]))
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit, match="1"):
        command.main([str(talk), "-f", "txt"], standalone_mode=False)
    (kept,) = tmp_path.glob("talk-*.txt")
    assert kept.read_text(encoding="utf-8") == "はい。\n"
    stream.close()  # nothing is left that would fail again


def test_a_file_that_breaks_off_is_transcribed_up_to_there(monkeypatch: pytest.MonkeyPatch, talk: Path) -> None:
    def read(path: Path, track: int) -> Iterable[Samples]:
        yield silence(1.0)
        raise BadAudio("Cannot read the rest: choose another file.")

    monkeypatch.setattr(mediafile, "read", read)
    result = run(monkeypatch, ScriptedTranscriber(["はい。"]), talk, "-f", "txt")
    assert result.exit_code == 1
    assert result.stdout_bytes.decode() == "はい。\n"
    assert "Cannot read the rest" in result.stderr
