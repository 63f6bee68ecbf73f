from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from surtitle.access import secret
from surtitle.access.secret import SecretError


def test_a_secret_is_created_and_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert secret.find(folder) is None
    path = secret.create(folder)
    first = secret.find(folder)
    assert first is not None
    assert len(first) >= secret.MIN_LENGTH
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret.create(folder)
    assert secret.find(folder) != first


def test_a_given_secret_takes_precedence_over_the_stored_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret.create(tmp_path)
    file = tmp_path / "other"
    file.write_text("f" * 40 + "\n")
    file.chmod(0o600)
    assert secret.find(tmp_path, file) == "f" * 40
    monkeypatch.setenv(secret.VARIABLE, "e" * 40)
    assert secret.find(tmp_path, file) == "e" * 40


def test_a_short_secret_is_refused_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(secret.VARIABLE, "password")
    with pytest.raises(SecretError, match="too short") as told:
        secret.find(tmp_path)
    assert "password" not in told.value.message


def test_an_unreadable_secret_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="cannot be read"):
        secret.find(None, tmp_path / "nowhere")
    (tmp_path / "bytes").write_bytes(b"\xff" * 50)
    (tmp_path / "bytes").chmod(0o600)
    with pytest.raises(SecretError, match="cannot be read"):
        secret.find(None, tmp_path / "bytes")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_a_secret_readable_by_everybody_is_refused(tmp_path: Path) -> None:
    path = secret.create(tmp_path)
    path.chmod(0o644)
    with pytest.raises(SecretError, match="chmod o="):
        secret.find(tmp_path)
