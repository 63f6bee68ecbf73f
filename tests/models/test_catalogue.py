"""The names of models."""

from __future__ import annotations

from pathlib import Path

import pytest

from surtitle.models.catalogue import plain_name

CACHE = Path("/home/ann/.cache/huggingface/hub").absolute()


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("base.en", "base.en"),
        ("Systran/faster-whisper-base", "Systran/faster-whisper-base"),
        (CACHE / "models--Systran--faster-whisper-base" / "snapshots" / "ebe41f70d5b6", "base"),
        (CACHE / "models--mobiuslabsgmbh--faster-whisper-large-v3-turbo" / "snapshots" / "1", "large-v3-turbo"),
        (CACHE / "models--somebody--whisper-welsh" / "snapshots" / "1", "somebody/whisper-welsh"),
        (CACHE / "my-model", "my-model"),
        ("./models/my-model", "my-model"),
        ("", ""),
    ],
)
def test_clients_see_a_name_and_no_directory(model: str | Path, name: str) -> None:
    assert plain_name(str(model)) == name
