"""Alerts of a running service: raised, sent, shown, and over."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from surtitle.alerts import alerts as alerts_module
from surtitle.audio.pcm import to_pcm
from surtitle.core.wire.alerts import AlertMessage, AlertStatus
from tests.outputs.fake_targets import SECRET, FakeTarget, new_port, serving
from tests.support import Running, running, silence, until

START = json.dumps({"op": "start", "source": "Host"})


@dataclass
class Disk:
    """A disk of which ``free`` bytes are free."""

    total: int = 1 << 40
    used: int = 0
    free: int = 1 << 39


@pytest.fixture(scope="module")
def disk() -> Iterator[Disk]:
    disk = Disk()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: disk)
        patch.setattr(alerts_module, "_DISK_INTERVAL", 0.1)
        yield disk


@pytest_asyncio.fixture(scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory, disk: Disk) -> AsyncIterator[Running]:
    async with running(data_dir=tmp_path_factory.mktemp("data"), private_outputs=True) as service:
        yield service


@pytest_asyncio.fixture
async def client(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        yield client


@pytest_asyncio.fixture
async def target() -> AsyncIterator[FakeTarget]:
    async with serving(FakeTarget(new_port())) as target:
        yield target


async def change(client: httpx.AsyncClient, channel: str, **fields: Any) -> httpx.Response:
    return await client.patch(f"/api/channels/{channel}/settings", json={"alerts": fields})


def describe(service: Running, channel: str) -> AlertStatus:
    hub = service.services.hub
    status: AlertStatus = hub.describe(hub.channel(channel))["alerts"]
    return status


def sent(target: FakeTarget) -> list[tuple[str, str]]:
    messages = [json.loads(text) for text in target.texts]
    return [(one["kind"], one["state"]) for one in messages]


async def test_settings_hide_the_address_and_refuse_what_is_none(client: httpx.AsyncClient) -> None:
    changed = await change(client, "set", kind="ntfy", url="https://ntfy.sh/hidden-topic", secret="tk_hidden", lag=0)
    expected = {"kind": "ntfy", "silence": 30, "wordless": 60, "lag": 0, "output": 10, "host": "ntfy.sh"}
    assert changed.json()["alerts"] == expected | {"url_set": True, "secret_set": True}
    for path in ("", "/settings"):
        assert "hidden" not in (await client.get(f"/api/channels/set{path}")).text
    for fields, advice in (
        ({"url": "hidden"}, "alerts.url: this is not a complete address"),
        ({"url": "https://user:hidden@example.org"}, "alerts.url: this is not a complete address"),
        ({"silence": -1}, "alerts.silence: send seconds from 0 to 3600; 0 raises no alert."),
        ({"kind": "fax"}, "alerts.kind"),
        ({"secret": "hidden\n"}, "alerts.secret: send letters"),
        ({"phone": 1}, "alerts.phone: there is no such setting"),
    ):
        answer = await change(client, "set", **fields)
        assert (answer.status_code, advice in answer.json()["message"]) == (400, True), answer.text
        assert "hidden" not in answer.text
    removed = await change(client, "set", url="", secret="")
    assert (removed.json()["alerts"]["url_set"], removed.json()["alerts"]["host"]) == (False, "")


async def test_a_test_alert_says_whether_it_arrived(client: httpx.AsyncClient, target: FakeTarget) -> None:
    path = "/api/channels/try/alerts/test"
    assert (await client.post(path)).status_code == 400
    await change(client, "try", url=target.url)
    assert (await client.post(path)).json() == {"status": "sent"}
    assert sent(target) == [("test", "recovered")]
    target.statuses = [404]
    answer = await client.post(path)
    assert (answer.status_code, answer.json()["code"]) == (502, "alert_not_sent")
    assert SECRET not in answer.text


async def test_a_silent_source_raises_an_alert_that_is_over_when_it_ends(
    service: Running, client: httpx.AsyncClient, target: FakeTarget
) -> None:
    await change(client, "mute", url=target.url, silence=3.5)
    async with service.publisher("mute") as publisher:
        await publisher.send(START)
        await publisher.send(to_pcm(silence(1.0)))
        await until(lambda: sent(target) == [("no_sound", "raised")])
        msgspec.convert(json.loads(target.texts[0]), AlertMessage)
        (alert,) = describe(service, "mute")["active"]
        assert (alert["subject"], alert["kind"]) == ("Host", "no_sound")
        assert 'surtitle_alerts{channel="mute",kind="no_sound"} 1.0' in (await client.get("/metrics")).text
        await publisher.send('{"op":"end"}')
        await until(lambda: sent(target) == [("no_sound", "raised"), ("no_sound", "recovered")])
    assert describe(service, "mute")["active"] == []


async def test_a_publisher_that_vanishes_raises_an_alert(
    service: Running, client: httpx.AsyncClient, target: FakeTarget
) -> None:
    await change(client, "gone", url=target.url, silence=1)
    async with service.publisher("gone") as publisher:
        await publisher.send(START)
        await publisher.recv()
    await until(lambda: sent(target) == [("stopped", "raised")])
    assert describe(service, "gone")["active"][0]["message"].startswith("Host has lost its connection")


async def test_a_source_that_another_connection_resumes_and_ends_was_not_lost(
    service: Running, client: httpx.AsyncClient
) -> None:
    again = json.dumps({"op": "start", "source": "Host", "resume": "0123456789"})
    async with service.publisher("again") as first:
        await first.send(again)
        await first.recv()
        (source,) = service.services.hub.sources.of(service.services.hub.channel("again"))
        async with service.publisher("again") as second:
            await second.send(again)
            assert json.loads(await second.recv())["resumed"]
            assert "replaced" in str(await first.recv())
            await second.send('{"op":"end"}')
            await until(lambda: bool(source.ended))
    assert not source.lost


async def test_a_client_that_breaks_the_protocol_has_lost_its_source(service: Running) -> None:
    async with service.publisher("broken") as publisher:
        await publisher.send(START)
        await publisher.recv()
        (source,) = service.services.hub.sources.of(service.services.hub.channel("broken"))
        await publisher.send(START)
        await until(lambda: bool(source.ended))
    assert source.lost


async def test_a_disk_that_fills_up_is_an_alert_of_the_service_and_is_sent_once_to_each_address(
    service: Running, client: httpx.AsyncClient, target: FakeTarget, disk: Disk
) -> None:
    for channel in ("disk", "disk2"):
        await change(client, channel, url=target.url)
    disk.free = 500_000_000
    await until(lambda: sent(target) == [("disk", "raised")])
    (alert,) = service.services.alerts.of_service
    assert alert["message"].startswith("Only 0.5 GB are free")
    disk.free = 5_000_000_000
    await until(lambda: sent(target) == [("disk", "raised"), ("disk", "recovered")])
    assert service.services.alerts.of_service == []
    assert json.loads(target.texts[0])["channel"] is None


async def test_the_address_survives_a_restart(tmp_path: Path, target: FakeTarget) -> None:
    for step in (1, 2):
        async with (
            running(data_dir=tmp_path, private_outputs=True) as service,
            httpx.AsyncClient(base_url=service.url, timeout=30) as client,
        ):
            if step == 1:
                await change(client, "main", url=target.url, secret="key")
            else:
                assert (await client.post("/api/channels/main/alerts/test")).json() == {"status": "sent"}
    assert "x-surtitle-signature" in target.requests[0].headers
