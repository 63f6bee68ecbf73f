"""Where transcripts are written, which is decided and checked before any work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from surtitle.cli.transcript_files import Job, choose_format, display_name, find_media, plan_jobs, write
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
    assert choose_format(form, output) == expected


def test_an_unknown_extension_is_refused() -> None:
    with pytest.raises(BadRequest, match="end it with one of srt, vtt"):
        choose_format(None, "talk.doc")


def test_a_folder_is_replaced_by_its_media(tmp_path: Path, talk: Path) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "Intro.WAV").touch()
    assert find_media([tmp_path, talk]) == [tmp_path / "Intro.WAV", talk]
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadRequest, match="no audio or video files"):
        find_media([tmp_path / "empty"])


def test_the_output_of_one_file(tmp_path: Path, talk: Path) -> None:
    assert plan_jobs([talk], None, "srt", overwrite=False) == [Job(talk, None)]
    assert plan_jobs([talk], "-", "srt", overwrite=False) == [Job(talk, None)]
    output = tmp_path / "out.srt"
    assert plan_jobs([talk], str(output), "srt", overwrite=False) == [Job(talk, output)]
    assert plan_jobs([talk], str(tmp_path), "vtt", overwrite=False) == [Job(talk, tmp_path / "talk.vtt")]


def test_the_outputs_of_several_files(tmp_path: Path, talk: Path) -> None:
    other, same = tmp_path / "other.wav", tmp_path / "talk.wav"
    folder = tmp_path / "a" / "b"
    jobs = plan_jobs([talk, other, same], f"{folder}/", "srt", overwrite=False)
    assert [job.output for job in jobs] == [folder / "talk.mp4.srt", folder / "other.srt", folder / "talk.wav.srt"]
    assert folder.is_dir()
    with pytest.raises(BadRequest, match="end its name with a slash"):
        plan_jobs([talk, other], str(tmp_path / "missing"), "srt", overwrite=False)
    with pytest.raises(BadRequest, match="is not a folder"):
        plan_jobs([talk, other], str(talk), "srt", overwrite=False)


def test_several_files_on_standard_output_must_be_text(talk: Path) -> None:
    assert len(plan_jobs([talk, talk], None, "txt", overwrite=False)) == 2
    with pytest.raises(BadRequest, match="-o FOLDER/"):
        plan_jobs([talk, talk], None, "srt", overwrite=False)


def test_existing_files_are_replaced_only_with_overwrite(tmp_path: Path, talk: Path) -> None:
    output = tmp_path / "out.srt"
    output.write_text("work of hours")
    with pytest.raises(BadRequest, match="--overwrite"):
        plan_jobs([talk], str(output), "srt", overwrite=False)
    assert plan_jobs([talk], str(output), "srt", overwrite=True) == [Job(talk, output)]
    with pytest.raises(BadRequest, match="the file to transcribe"):
        plan_jobs([talk], str(talk), "srt", overwrite=True)


def test_a_missing_or_unwritable_folder_is_refused(tmp_path: Path, talk: Path) -> None:
    with pytest.raises(BadRequest, match="no folder"):
        plan_jobs([talk], str(tmp_path / "missing" / "out.srt"), "srt", overwrite=False)
    if os.name == "posix" and os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(BadRequest, match="Cannot write"):
            plan_jobs([talk], str(tmp_path / "out.srt"), "srt", overwrite=False)
        tmp_path.chmod(0o700)


def test_a_transcript_is_written_to_the_temporary_folder_if_need_be(tmp_path: Path) -> None:
    path = tmp_path / "out.srt"
    assert write(path, "日本語\n") == path
    assert path.read_bytes() == "日本語\n".encode()
    elsewhere = write(tmp_path / "gone" / "out.srt", "日本語\n")
    try:
        assert elsewhere.read_bytes() == "日本語\n".encode()
        assert elsewhere.suffix == ".srt"
    finally:
        elsewhere.unlink()


def test_a_name_that_is_too_long_is_refused(tmp_path: Path, talk: Path) -> None:
    with pytest.raises(BadRequest, match=r"Cannot write .*… \(File name too long\): choose another output with -o\."):
        plan_jobs([talk], str(tmp_path / ("x" * 300 + ".srt")), "srt", overwrite=False)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="Linux only")
def test_a_folder_that_takes_no_files_is_refused(talk: Path) -> None:
    with pytest.raises(BadRequest, match=r"Cannot write /proc/out\.srt .*: choose another output with -o\."):
        plan_jobs([talk], "/proc/out.srt", "srt", overwrite=False)


def test_the_check_leaves_nothing_behind(tmp_path: Path, talk: Path) -> None:
    plan_jobs([talk], str(tmp_path / "out.srt"), "srt", overwrite=False)
    assert list(tmp_path.iterdir()) == [talk]
    talk.with_suffix(".srt").write_text("work of hours")
    plan_jobs([talk], str(talk.with_suffix(".srt")), "srt", overwrite=True)
    assert talk.with_suffix(".srt").read_text() == "work of hours"


def test_a_name_that_is_no_text_is_shown_as_text() -> None:
    assert display_name(os.fsdecode(b"caf\xe9")) == "caf\N{REPLACEMENT CHARACTER}"
    assert display_name("line\nend\x1b[31m") == "line\N{REPLACEMENT CHARACTER}end\N{REPLACEMENT CHARACTER}[31m"
    assert display_name("東京 é") == "東京 é"
