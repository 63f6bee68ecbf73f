"""`surtitle token` as a person types it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from surtitle.access import secret, tokens
from surtitle.access.tokens import Scope
from surtitle.cli.main import main
from surtitle.core.errors import Unauthorized


def run(folder: Path, *arguments: str, typed: str | None = None) -> str:
    done = CliRunner().invoke(main, ["token", "--data-dir", str(folder), *arguments], input=typed)
    assert done.exit_code == 0, done.output
    return done.output


def wrong(folder: Path, *arguments: str) -> str:
    done = CliRunner().invoke(main, ["token", "--data-dir", str(folder), *arguments])
    assert done.exit_code != 0
    assert "Traceback" not in done.output
    return done.output


def test_from_nothing_to_a_link_and_back(tmp_path: Path) -> None:
    assert "surtitle token new-secret" in wrong(tmp_path)
    run(tmp_path, "new-secret")
    told = run(tmp_path, "--channel", "show", "--scope", "view", "--expires", "7d", "--name", "guest laptop")
    token = told.splitlines()[0]
    key = secret.find(tmp_path)
    assert key is not None
    grant = tokens.decode(key, token)
    assert (grant.scope, grant.channel) == (Scope.VIEW, "show")
    assert f"http://127.0.0.1:8000/view/show?token={token}" in told
    assert f"http://127.0.0.1:8000/overlay/show?token={token}" in told
    listed = run(tmp_path, "list")
    assert "guest laptop" in " ".join(listed.split())
    assert token not in listed
    assert grant.id is not None
    assert grant.id in listed
    run(tmp_path, "revoke", grant.id)
    assert "revoked" in run(tmp_path, "list")


def test_an_administrator_gets_the_dashboard(tmp_path: Path) -> None:
    run(tmp_path, "new-secret")
    told = run(tmp_path, "--channel", "*", "--scope", "admin", "--url", "https://captions.example/")
    assert re.search(r"https://captions\.example/\?token=\S+", told)
    assert run(tmp_path, "-q").count("\n") == 1


def test_a_new_secret_makes_all_tokens_worthless(tmp_path: Path) -> None:
    run(tmp_path, "new-secret")
    token = run(tmp_path, "-q").strip()
    assert "Make it?" in wrong(tmp_path, "new-secret")
    run(tmp_path, "new-secret", typed="y\n")
    run(tmp_path, "new-secret", "--yes")
    key = secret.find(tmp_path)
    assert key is not None
    with pytest.raises(Unauthorized):
        tokens.decode(key, token)


def test_mistakes(tmp_path: Path) -> None:
    run(tmp_path, "new-secret")
    assert "is not a duration" in wrong(tmp_path, "--expires", "soon")
    assert "is not a valid channel name" in wrong(tmp_path, "--channel", "../etc")
    assert "Invalid value for '--scope'" in wrong(tmp_path, "--scope", "root")
    assert "surtitle token list" in wrong(tmp_path, "revoke", "unknown")
    (tmp_path / "secret").write_text("short")
    assert "too short" in wrong(tmp_path)
