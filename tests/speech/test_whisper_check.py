"""Damaged model directories: the error names the file."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from surtitle.core.errors import ModelError
from surtitle.speech.whisper.check import check_directory
from tests.untrained import untrained_whisper


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return Path(shutil.copytree(untrained_whisper(), tmp_path / "model"))


def test_a_complete_model_passes(directory: Path) -> None:
    check_directory(directory)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "vocabulary.json", "model.bin"])
def test_a_missing_file_is_named(directory: Path, name: str) -> None:
    (directory / name).unlink()
    began = time.monotonic()
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        check_directory(directory)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "vocabulary.json"])
def test_truncated_json_is_named(directory: Path, name: str) -> None:
    content = (directory / name).read_bytes()
    (directory / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=f"{name} is damaged"):
        check_directory(directory)


@pytest.mark.parametrize(
    ("name", "content"),
    [("config.json", "null"), ("config.json", '"text"'), ("tokenizer.json", "{}"), ("tokenizer.json", "[]")],
)
def test_json_of_something_else_is_named(directory: Path, name: str, content: str) -> None:
    (directory / name).write_text(content)
    with pytest.raises(ModelError, match=f"{name} is damaged"):
        check_directory(directory)


def test_a_truncated_text_vocabulary_is_named(directory: Path) -> None:
    tokens = json.loads((directory / "vocabulary.json").read_bytes())
    (directory / "vocabulary.json").unlink()
    path = directory / "vocabulary.txt"
    path.write_text("\n".join(tokens) + "\n")
    check_directory(directory)
    path.write_text("\n".join(tokens[:100]))
    with pytest.raises(ModelError, match=r"vocabulary\.txt is damaged"):
        check_directory(directory)


@pytest.mark.parametrize("left", [0, 3, 40, 100_000, -1])
def test_truncated_weights_are_damaged(directory: Path, left: int) -> None:
    path = directory / "model.bin"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(ModelError, match=r"model\.bin is damaged"):
        check_directory(directory)


def test_other_files_are_not_taken_for_weights(directory: Path) -> None:
    (directory / "model.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n" * 100)
    with pytest.raises(ModelError, match="not in CTranslate2's format"):
        check_directory(directory)


def test_a_named_model_can_be_removed_and_fetched_again(directory: Path) -> None:
    (directory / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="surtitle models remove base"):
        check_directory(directory, "base")


def test_real_weights_pass(whisper_base: Path, whisper_tiny: Path) -> None:
    check_directory(whisper_base)
    check_directory(whisper_tiny)


def test_the_tokenizer_of_another_model_is_named(directory: Path) -> None:
    path = directory / "tokenizer.json"
    tokenizer = json.loads(path.read_bytes())
    for token in tokenizer["added_tokens"]:
        token["id"] -= 1  # as in models for English only
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match=r"tokenizer\.json belongs to another model"):
        check_directory(directory)
