"""The tokens of services that share a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from surtitle.access import tokens
from surtitle.access.shared_tokens import SharedTokens
from surtitle.access.token_store import TokenStore, TokenStoreError
from surtitle.access.tokens import Grant, Scope
from surtitle.cli.main import main
from surtitle.store.database import Database
from tests.store.postgresql import PostgreSQL

SECRET = "s" * 40


@pytest.fixture
def address(server: PostgreSQL) -> str:
    return server.database()


@pytest.fixture
def lists(tmp_path: Path, address: str) -> Iterator[list[SharedTokens]]:
    """Those of two services."""
    with closing(Database(tmp_path, address)) as database:
        yield [SharedTokens(TokenStore(tmp_path / name), database) for name in ("first", "second")]


def issue(seconds: float = 60) -> Grant:
    return tokens.issue(SECRET, Scope.VIEW, "main", seconds)


def test_what_one_service_issues_and_revokes_all_know(lists: list[SharedTokens]) -> None:
    first, second = lists
    grant = issue()
    first.add(grant, "guest")
    (entry,) = second.entries()
    assert (entry.id, entry.name, entry.scope) == (grant.id, "guest", Scope.VIEW)
    assert second.revoke(entry.id)
    assert first.revoked_ids() == {entry.id}
    assert not first.revoke("nobody")
    first.save_url("https://captions.example")
    assert (first.url, second.url) == ("https://captions.example", None)


def test_tokens_in_the_file_are_copied_and_may_be_revoked_there(lists: list[SharedTokens], tmp_path: Path) -> None:
    first, second = lists
    grants = [issue(), issue()]
    with closing(TokenStore(tmp_path / "first")) as file:
        for grant in grants:
            file.add(grant, "guest")
        assert len(first.entries()) == len(second.entries()) == 2
        assert grants[0].id is not None
        assert grants[1].id is not None
        file.revoke(grants[0].id)
        second.revoke(grants[1].id)
        assert first.revoked_ids() == second.revoked_ids() == {grants[0].id, grants[1].id}


def test_what_was_revoked_is_refused_while_the_database_is_down(
    lists: list[SharedTokens], server: PostgreSQL, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, _ = lists
    grants = [issue(), issue()]
    for grant in grants:
        first.add(grant, "guest")
    assert grants[0].id is not None
    first.revoke(grants[0].id)
    assert first.revoked_ids() == {grants[0].id}
    server.stop()
    try:
        assert first.revoked_ids() == first.revoked_ids() == {grants[0].id}
        with pytest.raises(TokenStoreError, match="make sure that the server runs"):
            first.add(issue(), "guest")
    finally:
        server.start()
    assert caplog.text.count("cannot be used") == 1
    assert first.revoked_ids() == {grants[0].id}


def test_the_command_knows_the_tokens_of_all_services(
    lists: list[SharedTokens], tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = lists
    monkeypatch.setenv("SURTITLE_SERVE_SECRET", SECRET)
    monkeypatch.setenv("SURTITLE_SERVE_DATABASE", address)
    monkeypatch.setenv("SURTITLE_SERVE_BUS", "redis://redis:6379/0")
    grant = issue()
    first.add(grant, "guest")
    run = ["token", "--data-dir", str(tmp_path / "second")]
    assert CliRunner().invoke(main, [*run, "-q"]).exit_code == 0
    assert len(first.entries()) == 2
    done = CliRunner().invoke(main, [*run, "revoke", str(grant.id)])
    assert (done.output, done.exit_code) == (f"{grant.id} revoked.\n", 0)
    assert second.revoked_ids() == {grant.id}
    monkeypatch.delenv("SURTITLE_SERVE_BUS")
    done = CliRunner().invoke(main, [*run, "list"])
    assert "There are no tokens." in done.output
