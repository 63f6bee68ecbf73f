"""Where transcripts go: decided, and refused, before any work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from surtitle.cli.transcript_files import Job, form_of, media_in, planned, write
from surtitle.core.errors import BadRequest


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp4"
    path.touch()
    return path


@pytest.mark.parametrize(
    ("form", "output", "expected"),
    [
        (None, None, "srt"),
        (None, "-", "srt"),
        (None, "folder/", "srt"),
        ("vtt", None, "vtt"),
        ("txt", "talk.srt", "txt"),
        (None, "talk.VTT", "vtt"),
        (None, "talk.json", "json"),
        (None, "talk.podcast.json", "podcast.json"),
    ],
)
def test_the_format(form: str | None, output: str | None, expected: str) -> None:
    assert form_of(form, output) == expected


def test_an_extension_that_is_no_format_is_refused() -> None:
    with pytest.raises(BadRequest, match="end it with one of srt, vtt"):
        form_of(None, "talk.doc")


def test_a_folder_stands_for_its_media(tmp_path: Path, talk: Path) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "Intro.WAV").touch()
    assert media_in([tmp_path, talk]) == [tmp_path / "Intro.WAV", talk]
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadRequest, match="no audio or video files"):
        media_in([tmp_path / "empty"])


def test_one_file_goes_where_it_is_sent(tmp_path: Path, talk: Path) -> None:
    assert planned([talk], None, "srt", overwrite=False) == [Job(talk, None)]
    assert planned([talk], "-", "srt", overwrite=False) == [Job(talk, None)]
    output = tmp_path / "out.srt"
    assert planned([talk], str(output), "srt", overwrite=False) == [Job(talk, output)]
    assert planned([talk], str(tmp_path), "vtt", overwrite=False) == [Job(talk, tmp_path / "talk.vtt")]


def test_several_files_go_into_a_folder(tmp_path: Path, talk: Path) -> None:
    other, same = tmp_path / "other.wav", tmp_path / "talk.wav"
    folder = tmp_path / "a" / "b"
    jobs = planned([talk, other, same], f"{folder}/", "srt", overwrite=False)
    assert [job.output for job in jobs] == [folder / "talk.mp4.srt", folder / "other.srt", folder / "talk.wav.srt"]
    assert folder.is_dir()
    with pytest.raises(BadRequest, match="end its name with a slash"):
        planned([talk, other], str(tmp_path / "missing"), "srt", overwrite=False)
    with pytest.raises(BadRequest, match="is not a folder"):
        planned([talk, other], str(talk), "srt", overwrite=False)


def test_several_files_on_standard_output_must_be_text(talk: Path) -> None:
    assert len(planned([talk, talk], None, "txt", overwrite=False)) == 2
    with pytest.raises(BadRequest, match="-o FOLDER/"):
        planned([talk, talk], None, "srt", overwrite=False)


def test_what_exists_is_replaced_only_when_asked(tmp_path: Path, talk: Path) -> None:
    output = tmp_path / "out.srt"
    output.write_text("work of hours")
    with pytest.raises(BadRequest, match="--overwrite"):
        planned([talk], str(output), "srt", overwrite=False)
    assert planned([talk], str(output), "srt", overwrite=True) == [Job(talk, output)]
    with pytest.raises(BadRequest, match="the file to transcribe"):
        planned([talk], str(talk), "srt", overwrite=True)


def test_a_folder_that_is_missing_or_closed_is_named(tmp_path: Path, talk: Path) -> None:
    with pytest.raises(BadRequest, match="no folder"):
        planned([talk], str(tmp_path / "missing" / "out.srt"), "srt", overwrite=False)
    if os.name == "posix" and os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(BadRequest, match="cannot be written"):
            planned([talk], str(tmp_path / "out.srt"), "srt", overwrite=False)
        tmp_path.chmod(0o700)


def test_a_transcript_is_written_somewhere(tmp_path: Path) -> None:
    path = tmp_path / "out.srt"
    assert write(path, "日本語\n") == path
    assert path.read_bytes() == "日本語\n".encode()
    elsewhere = write(tmp_path / "gone" / "out.srt", "日本語\n")
    try:
        assert elsewhere.read_bytes() == "日本語\n".encode()
        assert elsewhere.suffix == ".srt"
    finally:
        elsewhere.unlink()
