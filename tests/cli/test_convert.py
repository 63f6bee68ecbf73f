"""`surtitle models convert`, with real weights."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from surtitle.cli.main import main


def test_a_model_is_converted_and_no_file_is_replaced(whisper_tiny: Path, tmp_path: Path) -> None:
    file = tmp_path / "ggml-mine.bin"
    command = ["models", "convert", str(whisper_tiny), "--output", str(file), "--quantize"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert f"use it with --model whisper.cpp:{file}" in done.output
    assert file.stat().st_size > 30e6
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 1
    assert "--overwrite" in again.output


def test_a_model_that_is_not_here_is_named() -> None:
    done = CliRunner().invoke(main, ["models", "convert", "small"])
    assert done.exit_code == 1
    assert "run `surtitle models fetch small`" in done.output
