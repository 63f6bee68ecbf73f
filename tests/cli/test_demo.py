"""`surtitle demo` at a service that needs tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from click.testing import CliRunner

from surtitle.cli.main import main
from surtitle.core.settings import Settings


@asynccontextmanager
async def _running_service(settings: Settings) -> AsyncIterator[bool]:
    yield False


@pytest.mark.parametrize(
    ("options", "environment"), [(["--token", "abc"], {}), ([], {"SURTITLE_TOKEN": "abc"})], ids=["option", "variable"]
)
def test_a_token_is_sent_and_a_refusal_says_how_to_give_one(
    options: list[str], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str | None] = []

    async def play(url: str, channel: str, token: str | None = None) -> AsyncIterator[dict[str, Any]]:
        sent.append(token)
        yield {"type": "error", "code": "unauthorized", "message": "This token was revoked: ask for a new one."}

    monkeypatch.setattr("surtitle.demo.play", play)
    monkeypatch.setattr("surtitle.cli.main.service_at", _running_service)
    done = CliRunner().invoke(main, ["demo", "--no-browser", *options], env=environment)
    assert done.exit_code == 1
    assert sent == ["abc"]
    assert done.output.endswith(
        "This token was revoked: ask for a new one, and give it with --token or in the variable SURTITLE_TOKEN.\n"
    )
