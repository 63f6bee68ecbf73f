"""Alerts on their way to a program and to ntfy, and targets that fail."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from surtitle.alerts import sender as sender_module
from surtitle.alerts.sender import AlertSender
from surtitle.channels.settings import AlertSettings
from surtitle.core.wire.alerts import AlertMessage, AlertState
from surtitle.outputs.state import TargetRefused
from surtitle.outputs.webhook import sign
from tests.outputs.fake_targets import SECRET, FakeTarget, new_port, serving
from tests.support import until


def message(text: str = "Host is mute.", state: AlertState = "raised", channel: str | None = "main") -> AlertMessage:
    return AlertMessage(
        event="alert", channel=channel, state=state, id="a1", kind="no_sound", subject="Host", since=1.5, message=text
    )


@asynccontextmanager
async def sending(settings: AlertSettings) -> AsyncIterator[AlertSender]:
    sender = AlertSender(settings, allow_private=True)
    running = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_program_gets_signed_json() -> None:
    fake = FakeTarget(new_port())
    async with serving(fake), sending(AlertSettings(url=fake.url, secret="key")) as sender:
        sender.put(message())
        await until(lambda: len(fake.requests) == 1)
    request = fake.requests[0]
    assert json.loads(request.body) == dict(message())
    assert request.headers["x-surtitle-signature"] == sign("key", request.body.encode())


async def test_ntfy_gets_text_with_a_title_a_priority_and_tags() -> None:
    fake = FakeTarget(new_port(), path="/topic")
    async with serving(fake), sending(AlertSettings("ntfy", url=fake.url, secret="tk_1")) as sender:
        sender.put(message("Bühne is mute."))
        sender.put(message("Bühne has sound again.", "recovered", "Bühne"))
        sender.put(message("The disk is full.", channel=None))
        await until(lambda: len(fake.requests) == 3)
    raised, recovered, disk = fake.requests
    assert (raised.method, raised.path, raised.body) == ("POST", "/topic", "Bühne is mute.")
    assert (raised.headers["title"], disk.headers["title"]) == ("Surtitle: main", "Surtitle")
    assert (raised.headers["priority"], raised.headers["tags"]) == ("high", "warning")
    assert (recovered.headers["priority"], recovered.headers["tags"]) == ("default", "white_check_mark")
    assert recovered.headers["title"] == "=?UTF-8?B?U3VydGl0bGU6IELDvGhuZQ==?="
    assert raised.headers["authorization"] == "Bearer tk_1"


async def test_what_cannot_be_sent_now_is_sent_later_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "_BACKOFF", (0.05, 0.1))
    fake = FakeTarget(new_port(), statuses=[500, 429, 503])
    async with sending(AlertSettings(url=fake.url)) as sender:
        sender.put(message("one"))
        await until(lambda: "cannot be reached" in sender.problem)
        for number in range(60):
            sender.put(message(str(number)))  # more than may wait
        async with serving(fake):
            await until(lambda: bool(fake.texts) and "59" in json.loads(fake.texts[-1])["message"])
        assert sender.problem == ""
    assert [json.loads(text)["message"] for text in fake.texts] == ["one", *map(str, range(10, 60))]


async def test_a_refusal_is_not_repeated_and_the_address_is_never_named(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake = FakeTarget(new_port(), statuses=[403, 404])
    async with serving(fake), sending(AlertSettings(url=fake.url, secret="hidden")) as sender:
        sender.put(message("refused"))
        await until(lambda: "refuses alerts (status 403)" in sender.problem)
        sender.put(message("not found"))
        await until(lambda: "(status 404)" in sender.problem)
        sender.put(message("taken"))
        await until(lambda: sender.problem == "")
        assert SECRET not in repr(sender.settings)
    assert len(fake.requests) == 3
    assert SECRET not in caplog.text
    assert "hidden" not in caplog.text


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/hook", "https://[::1]/hook", "http://example.org/hook"])
async def test_private_and_unencrypted_addresses_are_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        await AlertSender(AlertSettings(url=url), allow_private=False).send(message())
