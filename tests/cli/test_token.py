"""`surtitle token` on the command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from surtitle.access import secret, tokens
from surtitle.access.tokens import Scope
from surtitle.cli.main import main
from surtitle.core.errors import Unauthorized


def run(folder: Path, *arguments: str, answer: str | None = None) -> str:
    done = CliRunner().invoke(main, ["token", "--data-dir", str(folder), *arguments], input=answer)
    assert done.exit_code == 0, done.output
    return done.output


def run_failing(folder: Path, *arguments: str) -> str:
    done = CliRunner().invoke(main, ["token", "--data-dir", str(folder), *arguments])
    assert done.exit_code != 0
    assert "Traceback" not in done.output
    return done.output


def test_create_list_and_revoke(tmp_path: Path) -> None:
    assert "surtitle token new-secret" in run_failing(tmp_path)
    run(tmp_path, "new-secret")
    output = run(tmp_path, "--channel", "show", "--scope", "view", "--expires", "7d", "--name", "guest laptop")
    token = output.splitlines()[0]
    key = secret.find(tmp_path)
    assert key is not None
    grant = tokens.decode(key, token)
    assert (grant.scope, grant.channel) == (Scope.VIEW, "show")
    assert f"http://127.0.0.1:8000/view/show?token={token}" in output
    assert f"http://127.0.0.1:8000/overlay/show?token={token}" in output
    listed = run(tmp_path, "list")
    assert "guest laptop" in " ".join(listed.split())
    assert token not in listed
    assert grant.id is not None
    assert grant.id in listed
    run(tmp_path, "revoke", grant.id)
    assert "revoked" in run(tmp_path, "list")


def test_an_administrator_gets_the_dashboard(tmp_path: Path) -> None:
    run(tmp_path, "new-secret")
    output = run(tmp_path, "--channel", "*", "--scope", "admin", "--url", "https://captions.example/")
    assert re.search(r"https://captions\.example/\?token=\S+", output)
    assert run(tmp_path, "-q").count("\n") == 1


def test_a_token_for_the_channels_of_a_tenant(tmp_path: Path) -> None:
    run(tmp_path, "new-secret")
    output = run(tmp_path, "--channel", "acme-*", "--scope", "publish")
    assert "in the channels that begin with acme-" in output
    assert "/view/acme-main?token=" in output
    key = secret.find(tmp_path)
    assert key is not None
    assert tokens.decode(key, output.splitlines()[0]).covers("acme-hall")
    for wrong in ("a*b", "**", "-*"):
        assert "not a valid channel name" in run_failing(tmp_path, "--channel", wrong)


def test_a_new_secret_invalidates_all_tokens(tmp_path: Path) -> None:
    run(tmp_path, "new-secret")
    token = run(tmp_path, "-q").strip()
    assert "Continue?" in run_failing(tmp_path, "new-secret")
    run(tmp_path, "new-secret", answer="y\n")
    run(tmp_path, "new-secret", "--yes")
    key = secret.find(tmp_path)
    assert key is not None
    with pytest.raises(Unauthorized):
        tokens.decode(key, token)


def test_mistakes_are_reported(tmp_path: Path) -> None:
    run(tmp_path, "new-secret")
    assert "is not a duration" in run_failing(tmp_path, "--expires", "soon")
    assert "is not a valid channel name" in run_failing(tmp_path, "--channel", "../etc")
    assert "Invalid value for '--scope'" in run_failing(tmp_path, "--scope", "root")
    assert "surtitle token list" in run_failing(tmp_path, "revoke", "unknown")
    (tmp_path / "secret").write_text("short")
    assert "too short" in run_failing(tmp_path)
