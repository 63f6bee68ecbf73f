"""Tokens: what is written into them comes out again, and nothing that was not."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.access import tokens
from surtitle.access.tokens import EVERY, Scope, describe_channels
from surtitle.core.errors import BadRequest, Unauthorized

SECRET = "s" * 64
CLAIMS = {"channel": "main", "scope": "view", "exp": 4_000_000_000}


def signed(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    claims = {key: value for key, value in {**CLAIMS, **changes}.items() if value is not None}
    return jwt.encode(claims, secret, algorithm=algorithm)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("channel", ["main", "kanal-ü", "acme-*", EVERY])
def test_what_is_written_comes_out(scope: Scope, channel: str) -> None:
    given = tokens.issue(SECRET, scope, channel, 60)
    assert given.token is not None
    assert tokens.decode(SECRET, given.token) == given
    assert given.token not in repr(given)


def test_a_grant_covers_its_channel_and_the_scopes_below_its_own() -> None:
    publisher = tokens.issue(SECRET, Scope.PUBLISH, "main", 60)
    assert publisher.allows(Scope.VIEW, "main")
    assert publisher.allows(Scope.PUBLISH, "main")
    assert not publisher.allows(Scope.ADMIN, "main")
    assert not publisher.allows(Scope.VIEW, "other")
    assert not publisher.allows(Scope.VIEW, None)
    assert tokens.issue(SECRET, Scope.VIEW, EVERY, 60).allows(Scope.VIEW, None)


def test_a_grant_for_the_beginning_of_names_covers_all_that_begin_so() -> None:
    acme = tokens.issue(SECRET, Scope.ADMIN, "acme-*", 60)
    assert not acme.single
    for channel in ("acme-hall", "acme-", "acme-*", "acme-eu-*"):
        assert acme.allows(Scope.VIEW, channel)
    for other in ("acme", "acm-hall", "other-acme-hall", "", "acme*", EVERY, None):
        assert not acme.covers(other)
    hall, every = tokens.issue(SECRET, Scope.VIEW, "acme-hall", 60), tokens.issue(SECRET, Scope.VIEW, EVERY, 60)
    assert hall.single
    assert not hall.covers("acme-hall-2")
    assert not hall.covers("acme-*")
    assert every.covers("acme-*")
    assert describe_channels("acme-*") == "the channels that begin with acme-"


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="nothing"),
        pytest.param("x" * 100_000, id="endless"),
        pytest.param("a.b.c", id="three parts"),
        pytest.param(signed("t" * 40), id="another secret"),
        pytest.param(signed(algorithm="HS384"), id="another algorithm"),
        pytest.param(signed(exp=None), id="no expiry"),
        pytest.param(signed(exp=int(time.time()) - 1), id="expired"),
        pytest.param(signed(nbf=4_000_000_000), id="not yet"),
        pytest.param(signed(scope="root"), id="unknown scope"),
        pytest.param(signed(scope=["admin"]), id="a list of scopes"),
        pytest.param(signed(scope=None), id="no scope"),
        pytest.param(signed(channel=None), id="no valid channel"),
        pytest.param(signed(channel=""), id="empty channel"),
        pytest.param(signed(channel=7), id="a number for a channel"),
        pytest.param(signed()[:-2], id="cut short"),
    ],
)
def test_foreign_tokens_are_refused(token: str) -> None:
    with pytest.raises(Unauthorized) as told:
        tokens.decode(SECRET, token)
    assert not token or token not in told.value.message


def test_an_unsigned_token_is_refused() -> None:
    """The oldest trick: a header that asks for no signature."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "none"}, CLAIMS)]
    with pytest.raises(Unauthorized):
        tokens.decode(SECRET, b".".join((*parts, b"")).decode())


@pytest.mark.slow
@given(
    st.text()
    | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode())
    | st.from_regex(r"\A\w+\.\w+\.\w+\Z")
)
def test_garbage_is_refused_and_nothing_else_happens(token: str) -> None:
    with pytest.raises(Unauthorized):
        tokens.decode(SECRET, token)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_token_is_refused(at: int, letter: int) -> None:
    token = signed()
    at %= len(token) - 1  # the last letter of a signature has bits that mean nothing
    changed = token[:at] + chr(letter) + token[at + 1 :]
    if changed != token:
        with pytest.raises(Unauthorized):
            tokens.decode(SECRET, changed)


def test_durations_are_parsed() -> None:
    assert tokens.parse_duration("90m") == 5400
    assert tokens.parse_duration("7d") == 7 * 86_400
    for wrong in ("", "7", "d", "-1d", "0h", "1.5h", "7 d", "１d", "99999999y"):
        with pytest.raises(BadRequest):
            tokens.parse_duration(wrong)
