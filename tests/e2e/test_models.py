"""`surtitle models` as a person types it, with a hub on this computer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub import BASE, FakeHub, fake_hub
from tests.support import TRANSLATION_MODEL, as_wav, error_rate, speech
from tests.untrained import untrained_whisper


class Person:
    """Types commands, on a computer with an empty cache."""

    def __init__(self, hub: FakeHub, cache: Path) -> None:
        self.hub = hub
        self.environment = {
            **os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(cache), "NO_PROXY": "*", "COLUMNS": "120",
        }  # fmt: skip

    def types(self, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "surtitle", *arguments],
            env=self.environment, input=answer, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done

    def row(self, model: str) -> str:
        """What the list says of a model."""
        lines = self.types("models").stdout.splitlines()
        return next(" ".join(line.split()) for line in lines if line.split()[:1] == [model])


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    with fake_hub() as hub:
        yield Person(hub, tmp_path / "cache")


def test_list_fetch_list_remove(person: Person) -> None:
    assert person.row("base.en") == "base.en 148 MB"
    fetched = person.types("models", "fetch", "base.en")
    assert fetched.returncode == 0, fetched.stderr
    assert "100 %" in fetched.stderr
    assert person.row("base.en") == "base.en 5 MB yes, from the model hub"
    assert "already" in person.types("models", "fetch", "base.en").stdout
    kept = person.types("models", "remove", "base.en", answer="n\n")
    assert kept.returncode == 1
    assert "yes, from" in person.row("base.en")
    removed = person.types("models", "remove", "base.en", "--yes")
    assert "frees 5 MB" in removed.stdout
    assert person.row("base.en") == "base.en 148 MB"
    gone = person.types("models", "remove", "base.en", "--yes")
    assert gone.returncode == 1
    assert "is not on this computer" in gone.stderr


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("medium.klingon", "is not a known model"),
        ("somebody/nothing", "check the name"),
        ("small", "The model hub has no model"),
        ("/no/such/directory", "There is no directory"),
    ],
)
def test_what_cannot_be_fetched(person: Person, name: str, reason: str) -> None:
    done = person.types("models", "fetch", name)
    assert done.returncode == 1
    assert reason in done.stderr


def test_a_directory_needs_no_fetching(person: Person) -> None:
    done = person.types("models", "fetch", str(untrained_whisper()))
    assert done.returncode == 1
    assert "nothing to download" in done.stderr


def test_without_a_hub(person: Person) -> None:
    person.environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    done = person.types("models", "fetch", "tiny")
    assert done.returncode == 1
    assert "hub cannot be reached" in done.stderr


def test_transcribe_fetches_the_model_that_it_is_told(person: Person, whisper_tiny: Path, tmp_path: Path) -> None:
    person.hub.put(BASE, whisper_tiny)
    text = "She has worked in the same office for eleven years."
    path = tmp_path / "talk.wav"
    path.write_bytes(as_wav(speech(text)))
    done = person.types("transcribe", str(path), "-f", "txt", "--model", "base.en", "--language", "en")
    assert done.returncode == 0, done.stderr
    assert error_rate(text, done.stdout) < 0.4
    assert "yes, from" in person.row("base.en")


def test_translation_models_too(person: Person) -> None:
    name, files = "nllb-200-distilled-600M", Path(TRANSLATION_MODEL)
    person.hub.put("entai2965/nllb-200-distilled-600M-ctranslate2", files)
    listed = person.types("models").stdout
    assert "non-commercial use only (CC BY-NC 4.0)" in listed
    assert person.row(name) == f"{name} 2,500 MB for translations"
    fetched = person.types("models", "fetch", name)
    assert fetched.returncode == 0, fetched.stderr
    assert person.row(name) == f"{name} 2,500 MB yes for translations"
    assert "already" in person.types("models", "fetch", name).stdout
    assert "frees 2 MB" in person.types("models", "remove", name, "--yes").stdout
    assert "CC BY-NC" in person.types("serve", "--help").stdout
    refused = person.types("serve", "--translation-model", "klingon")
    assert refused.returncode == 2
    assert "is not a known model: give one of nllb-200" in refused.stderr


def test_without_a_name_the_model_for_this_computer_is_fetched_and_measured(person: Person, tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    person.hub.repositories["Systran/faster-whisper-small.en"] = person.hub.repositories[BASE]  # for many cores
    fetched = person.types("models", "fetch", "--language", "en", *data)
    assert fetched.returncode == 0, fetched.stderr
    assert ".en; measured speed: decoding 10 s takes" in fetched.stdout
    again = person.types("models", "fetch", "--language", "en", *data)
    assert ".en is already on this computer; measured speed: decoding 10 s takes" in again.stdout
    assert again.stderr == ""


@pytest.mark.parametrize(("file", "left"), [("tokenizer.json", 0), ("model.bin", 100_000)])
def test_a_damaged_directory_is_named_at_once(person: Person, tmp_path: Path, file: str, left: int) -> None:
    directory = Path(shutil.copytree(untrained_whisper(), tmp_path / "model"))
    (directory / file).write_bytes((untrained_whisper() / file).read_bytes()[:left])
    path = tmp_path / "talk.wav"
    path.write_bytes(as_wav(speech("Good evening.")))
    began = time.monotonic()
    done = person.types("transcribe", str(path), "--engine", "whisper", "--model", str(directory))
    assert done.returncode == 1
    assert f"{directory / file} is damaged" in done.stderr
    assert "GPU" not in done.stderr
    assert time.monotonic() - began < 20  # of which most is the start of a process
    assert person.hub.fetched == []
