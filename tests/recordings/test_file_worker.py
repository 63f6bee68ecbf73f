"""The process that recognizes files, in this process and with a scripted recognizer."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path

import numpy as np
import pytest

from surtitle.audio import Samples
from surtitle.audio.mediafile import RawFormat
from surtitle.core.errors import BadAudio, BadRequest, EngineError, ModelError
from surtitle.core.words import Word
from surtitle.recordings import file_worker
from surtitle.recordings.file_worker import Answer, Done, Failed, FileWorker, Request, Words, make_error
from surtitle.recordings.transcriber import PipelineTranscriber
from tests.support import as_wav, silence


class ScriptedTranscriber(PipelineTranscriber):
    """Says one word a second, and counts how often it was created."""

    created = 0

    def __init__(self) -> None:
        type(self).created += 1

    def words(self, blocks: Iterable[Samples]) -> Generator[tuple[float, list[Word]], None, None]:
        seconds = round(sum(len(block) for block in blocks) / 16_000)
        for second in range(seconds):
            yield second + 1.0, [Word(f"w{second}", second + 0.1, second + 0.9)]

    def close(self) -> None:
        """Nothing to release."""


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    monkeypatch.setattr(file_worker, "PipelineTranscriber", ScriptedTranscriber)
    monkeypatch.setattr(ScriptedTranscriber, "created", 0)
    return []


def said(answers: Iterable[Answer]) -> list[str]:
    return [word.text for answer in answers if isinstance(answer, Words) for word in answer.words]


def test_errors_name_the_model_and_no_directory(answers: list[Answer], tmp_path: Path) -> None:
    path, directory = tmp_path / "talk", str(tmp_path / "models--Systran--faster-whisper-tiny.en" / "snapshots" / "1")
    path.write_bytes(as_wav(silence(2)))
    worker = FileWorker(answers.append)
    worker.answer(Request(str(path), directory, directory))
    failed = answers[-1]
    assert isinstance(failed, Failed)
    assert failed.message == "The model tiny.en cannot be loaded: see the service's log."


def test_a_file_is_recognized_with_the_model_of_the_last_one(answers: list[Answer], tmp_path: Path) -> None:
    path = tmp_path / "talk"
    path.write_bytes(as_wav(silence(2)))
    worker = FileWorker(answers.append)
    for _ in range(2):
        answers.clear()
        worker.answer(Request(str(path), "pocketsphinx"))
        assert said(answers) == ["w0", "w1"]
        assert answers[-1] == Done(2.0, "en")
    assert ScriptedTranscriber.created == 1


def test_samples_without_a_container(answers: list[Answer], tmp_path: Path) -> None:
    path = tmp_path / "talk"
    path.write_bytes(np.zeros(8000 * 3, dtype="<i2").tobytes())
    FileWorker(answers.append).answer(Request(str(path), "pocketsphinx", raw=RawFormat("s16le", 8000)))
    done = answers[-1]
    assert isinstance(done, Done)
    assert done.duration == pytest.approx(3.0, abs=0.05)


def refused(answers: list[Answer], request: Request) -> Failed:
    FileWorker(answers.append).answer(request)
    failed = answers[-1]
    assert isinstance(failed, Failed)
    return failed


def test_what_is_no_audio_is_refused_without_the_path(answers: list[Answer], tmp_path: Path) -> None:
    path = tmp_path / "talk"
    path.write_bytes(b"This is not audio." * 100)
    failed = refused(answers, Request(str(path), "pocketsphinx"))
    assert failed.code == "bad_audio"
    assert str(tmp_path) not in failed.message


@pytest.mark.parametrize("target", ["file:///etc/hostname", "http://127.0.0.1:9/x.ts", "talk.wav"])
@pytest.mark.parametrize("head", ["#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n",
                                  "ffconcat version 1.0\nfile '{}'\n"])  # fmt: skip
def test_a_playlist_opens_nothing(answers: list[Answer], tmp_path: Path, head: str, target: str) -> None:
    (tmp_path / "talk.wav").write_bytes(as_wav(silence(1)))
    path = tmp_path / "list"
    path.write_text(head.format(target), encoding="utf-8")
    assert refused(answers, Request(str(path), "pocketsphinx")).code == "bad_audio"


def test_limits_and_languages(answers: list[Answer], tmp_path: Path) -> None:
    path = tmp_path / "talk"
    path.write_bytes(as_wav(silence(3)))
    assert "2 s of audio" in refused(answers, Request(str(path), "pocketsphinx", max_length=2.0)).message
    assert "German" in refused(answers, Request(str(path), "pocketsphinx", language="de")).message
    assert "translate" in refused(answers, Request(str(path), "pocketsphinx", to_english=True)).message


def test_errors_keep_their_kind() -> None:
    assert type(make_error(Failed("bad_audio", "x"))) is BadAudio
    assert type(make_error(Failed("bad_request", "x"))) is BadRequest
    assert type(make_error(Failed("model_failed", "x"))) is ModelError
    assert type(make_error(Failed("anything", "x"))) is EngineError
