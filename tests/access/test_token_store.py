from __future__ import annotations

from pathlib import Path

import pytest

from surtitle.access import tokens
from surtitle.access.token_store import TokenStore, TokenStoreError
from surtitle.access.tokens import Scope

SECRET = "s" * 40


def test_issued_and_revoked_tokens_are_stored(tmp_path: Path) -> None:
    ours, theirs = TokenStore(tmp_path), TokenStore(tmp_path)  # the command line's, and a service's
    guest = tokens.issue(SECRET, Scope.VIEW, "main", 60)
    ours.add(guest, "guest laptop")
    (entry,) = theirs.entries()
    assert (entry.id, entry.name, entry.scope, entry.channel) == (guest.id, "guest laptop", Scope.VIEW, "main")
    assert theirs.revoked_ids() == frozenset()
    assert ours.revoke(entry.id)
    assert theirs.revoked_ids() == {entry.id}
    assert not ours.revoke("nobody")
    assert guest.token is not None
    assert guest.token.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_expired_tokens_are_not_listed() -> None:
    token_store = TokenStore(None)
    for seconds in (60, 3600):
        token_store.add(tokens.issue(SECRET, Scope.VIEW, "main", seconds), f"{seconds}")
    old = tokens.Grant(Scope.VIEW, "main", 1.0, "old")
    token_store.add(old, "old")
    assert [entry.name for entry in token_store.entries()] == ["60", "3600"]


def test_the_address_of_the_service_is_stored(tmp_path: Path) -> None:
    token_store = TokenStore(tmp_path)
    assert token_store.url is None
    token_store.save_url("http://one")
    token_store.save_url("https://two")
    assert TokenStore(tmp_path).url == "https://two"


def test_a_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "access.db").write_text("this is no database" * 100)
    with pytest.raises(TokenStoreError, match=r"access\.db cannot be used"):
        TokenStore(tmp_path)
