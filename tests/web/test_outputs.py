"""A channel's outputs over HTTP, and what becomes of them when the service is restarted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.outputs.fake_targets import SECRET, FakeYouTube, new_port, no_problems, serving
from tests.support import Running, put, running, until

YOUTUBE = "http://upload.youtube.com/closedcaption?cid=abcd-1234"


@pytest_asyncio.fixture
async def client(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        yield client


async def add(client: httpx.AsyncClient, channel: str, **fields: Any) -> dict[str, Any]:
    answer = await client.post(f"/api/channels/{channel}/outputs", json=fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_outputs_are_added_changed_and_removed(client: httpx.AsyncClient) -> None:
    path = "/api/channels/crud/outputs"
    assert (await client.get(path)).json() == {"outputs": []}
    hook = {"kind": "webhook", "url": "https://example.org/hook?key=hidden", "secret": "hidden"}
    added = await add(client, "crud", **hook, enabled=False)
    assert added == {
        "id": added["id"],
        "kind": "webhook",
        "enabled": False,
        "language": None,
        "delay": 0.0,
        "target": "example.org",
        "state": "off",
        "message": "This output is switched off.",
        "sent": 0,
        "skipped": 0,
        "settings": {"host": "example.org", "url_set": True, "secret_set": True},
    }
    changed = await client.patch(f"{path}/{added['id']}", json={"language": "French", "delay": 2.5})
    assert changed.json() == {**added, "language": "fr", "delay": 2.5}
    zoom = await add(
        client, "crud", kind="caption_url", url="https://us04wmcc.zoom.us/closedcaption?id=1", enabled=False
    )
    assert zoom["settings"] == {"dialect": "zoom", "host": "us04wmcc.zoom.us", "url_set": True}
    moved = await client.patch(f"{path}/{zoom['id']}", json={"url": YOUTUBE})
    assert moved.json()["settings"]["dialect"] == "youtube"
    left = await client.delete(f"{path}/{added['id']}")
    assert [one["id"] for one in left.json()["outputs"]] == [zoom["id"]]
    assert (await client.delete(f"{path}/{added['id']}")).json()["code"] == "no_such_output"
    everything = [(await client.get(f"/api/channels/crud{rest}")).text for rest in ("", "/outputs", "/settings")]
    for text in everything:
        assert "hidden" not in text
        assert "abcd-1234" not in text


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"kind": "fax"}, "kind: send one of caption_url, webhook, text_file, obs_text, vmix, obs."),
        ({"kind": "caption_url", "url": "https://example.org/?secret"}, "example.org is not a host of YouTube"),
        ({"kind": "caption_url", "url": "secret"}, "url: this is not a complete address"),
        ({"kind": "webhook", "url": "file:///secret"}, "url: this is not a complete address"),
        ({"kind": "webhook", "url": "https://user:secret@example.org"}, "url: this is not a complete address"),
        ({"kind": "text_file", "name": "../secret.txt"}, "name: send a name that ends in .txt"),
        ({"kind": "text_file", "name": "a/b.txt"}, "name: send a name that ends in .txt"),
        ({"kind": "text_file", "id": "mine"}, "id: there is no such field"),
        ({"kind": "text_file", "delay": 61}, "delay: send seconds from 0 to 60."),
        ({"kind": "text_file", "language": "klingon"}, "klingon"),
        ({"kind": "obs", "language": "ja"}, "CEA-608"),
        ({"kind": "vmix"}, "required field `input`"),
        ({"kind": "obs_text", "source": "Captions", "port": 0}, "port: send a number from 1 to 65535."),
    ],
)
async def test_what_is_not_an_output_is_refused_and_secrets_are_not_repeated(
    client: httpx.AsyncClient, fields: dict[str, Any], advice: str
) -> None:
    answer = await client.post("/api/channels/refused/outputs", json=fields)
    assert answer.status_code == 400
    assert advice in answer.json()["message"]
    assert "secret" not in answer.json()["message"]


async def test_two_files_of_a_channel_have_different_names_and_outputs_are_limited(client: httpx.AsyncClient) -> None:
    await add(client, "many", kind="text_file", name="a.txt", enabled=False)
    again = await client.post("/api/channels/many/outputs", json={"kind": "text_file", "name": "A.txt"})
    assert "choose another name" in again.json()["message"]
    for number in range(15):
        await add(client, "many", kind="text_file", name=f"{number}.txt", enabled=False)
    full = await client.post("/api/channels/many/outputs", json={"kind": "text_file", "name": "b.txt"})
    assert full.json()["code"] == "too_many"


@pytest.mark.parametrize(
    ("fields", "other"),
    [
        ({"kind": "caption_url", "url": "https://a.zoom.us/closedcaption?id=secret"}, {"language": "fr"}),
        ({"kind": "webhook", "url": "https://example.org/secret"}, {"secret": "x"}),
        ({"kind": "obs_text", "source": "Captions"}, {"host": "127.0.0.1", "password": "x"}),
        ({"kind": "vmix", "input": "1"}, {"delay": 1}),
        ({"kind": "obs", "host": "studio"}, {"host": "Studio"}),
    ],
)
async def test_two_outputs_of_a_channel_cannot_write_to_one_place(
    client: httpx.AsyncClient, fields: dict[str, Any], other: dict[str, Any]
) -> None:
    channel = f"twice-{fields['kind']}"
    await add(client, channel, **fields, enabled=False)
    again = await client.post(f"/api/channels/{channel}/outputs", json={**fields, **other, "enabled": False})
    assert again.status_code == 400
    assert again.json()["message"] == "Another output of this channel sends captions there already: change that one."
    assert (await client.get(f"/api/channels/{channel}/outputs")).json()["outputs"][0]["state"] == "off"


async def test_a_segment_with_a_number_of_thousands_of_digits_is_not_found(client: httpx.AsyncClient) -> None:
    await client.post("/api/channels/main/cart", content="Good evening.")
    answer = await client.get(f"/api/channels/main/hls/original/seg{'9' * 5000}.vtt")
    assert answer.status_code == 404


async def test_settings_do_not_change_outputs(client: httpx.AsyncClient) -> None:
    await add(client, "settings", kind="text_file", enabled=False)
    changed = await client.patch("/api/channels/settings/settings", json={"language": "en"})
    assert "outputs" not in changed.json()
    assert len((await client.get("/api/channels/settings/outputs")).json()["outputs"]) == 1
    answer = await client.patch("/api/channels/settings/settings", json={"outputs": []})
    assert answer.status_code == 400


async def test_the_closed_captions_of_obs_are_an_output(client: httpx.AsyncClient) -> None:
    port = new_port()
    settings = {"closed_captions": {"enabled": True, "port": port}}
    await client.patch("/api/channels/cc/settings", json=settings)
    (output,) = (await client.get("/api/channels/cc/outputs")).json()["outputs"]
    assert (output["id"], output["kind"], output["target"]) == ("closed_captions", "obs", f"127.0.0.1:{port}")
    further = await add(client, "cc", kind="obs", port=port)
    assert further["state"] in ("connecting", "failed")
    await client.patch("/api/channels/cc/outputs/closed_captions", json={"delay": 2})
    assert (await client.get("/api/channels/cc/settings")).json()["closed_captions"]["delay"] == 2
    left = (await client.delete("/api/channels/cc/outputs/closed_captions")).json()["outputs"]
    assert [one["id"] for one in left] == [further["id"]]
    metrics = (await client.get("/metrics")).text
    assert f'surtitle_output{{channel="cc",kind="obs",output="{further["id"]}"' in metrics
    await client.delete(f"/api/channels/cc/outputs/{further['id']}")


async def test_addresses_of_this_computer_are_refused_unless_the_service_was_started_so(
    client: httpx.AsyncClient, service: Running
) -> None:
    fake = FakeYouTube(new_port())
    async with serving(fake):
        added = await add(client, "private", kind="caption_url", url=fake.url, dialect="youtube")
        channel = service.services.hub.channel("private")
        await until(lambda: service.services.output_manager.statuses(channel)[0]["state"] == "refused")
        assert fake.requests == []
    await client.delete(f"/api/channels/private/outputs/{added['id']}")


async def test_a_restart_in_mid_sentence_loses_and_doubles_nothing(tmp_path: Path) -> None:
    fake = FakeYouTube(new_port())
    options: dict[str, Any] = {"data_dir": tmp_path, "private_outputs": True}
    async with serving(fake):
        async with running(**options) as service:
            async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
                await add(client, "main", kind="caption_url", url=fake.url, dialect="youtube")
                await add(client, "main", kind="text_file")
            channel = service.services.hub.channel("main")
            channel.begin(ago=10)
            put(service, "main", channel.session.new_caption_id(), 1, "Good evening.", start=7.0, final=True)
            await until(lambda: fake.texts == ["Good evening."])
            file = tmp_path / "outputs" / "main" / "captions.txt"
            await until(lambda: file.exists() and file.read_text() == "Good evening.\n")
            put(service, "main", channel.session.new_caption_id(), 1, "And in the", "middle", start=9.0)
        assert file.read_text() == ""
        assert SECRET not in (tmp_path / "outputs.json").read_text()
        async with running(**options) as service:
            await until(lambda: len(fake.texts) == 2)
            channel = service.services.hub.channel("main")
            put(service, "main", channel.session.new_caption_id(), 1, "Welcome back.", start=11.0, final=True)
            await until(lambda: len(fake.texts) == 3)
    with no_problems(fake):
        assert fake.texts == ["Good evening.", "And in the", "Welcome back."]
    assert fake.last == 2
