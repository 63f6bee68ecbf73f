"""Text of human captioners over HTTP, as CART programs and curl send it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from surtitle.access.tokens import Scope
from surtitle.channels import text_source
from surtitle.core.settings import Access, Limits
from tests.support import Running, need, running, transcript, until

SECRET = "a secret of at least thirty-two characters"


@pytest_asyncio.fixture
async def client(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{service.url}/api/channels/") as client:
        yield client


async def write(client: httpx.AsyncClient, channel: str, text: str, **query: Any) -> dict[str, Any]:
    answer = await client.post(f"{channel}/cart", params=query, content=text.encode())
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def shown(service: Running, channel: str) -> list[str]:
    """The captions, with what may still change in brackets."""
    captions = service.services.hub.channel(channel).original.captions
    return [f"{one.text}[{one.tentative_text}]" if one.tentative else one.text for one in captions]


async def test_words_are_shown_corrected_and_committed(service: Running, client: httpx.AsyncClient) -> None:
    await write(client, "words", "We walked a long", seq=1)
    assert shown(service, "words") == ["[We walked a long]"]
    await write(client, "words", "\b\b\b\b\b\blong", seq=2)
    await write(client, "words", "\b\b\b\balong the river.\n", seq=3)
    assert shown(service, "words") == ["We walked along the river."]
    await write(client, "words", "\n", seq=4)
    assert (await transcript(service, "words")).strip() == "We walked along the river."


async def test_a_retry_is_not_doubled(service: Running, client: httpx.AsyncClient) -> None:
    for number, text in ((1, "one "), (2, "two "), (2, "two "), (3, "three\n\n")):
        receipt = await write(client, "retry", text, seq=number)
    assert receipt == {"source": "captioner", "seq": 3}
    assert (await transcript(service, "retry")).strip() == "one two three"
    assert (await client.get("retry/cart/seq")).text == "3"
    assert (await client.get("never/cart/seq")).text == "0"


async def test_the_captioner_is_a_source_with_a_name_and_a_language(
    service: Running, client: httpx.AsyncClient
) -> None:
    await write(client, "named", "Guten Abend. ", source="Ada", lang="de-AT")
    (source,) = (await client.get("named")).json()["sources"]
    assert (source["name"], source["engine"], source["language"]) == ("Ada", "captioner", "de-at")
    assert source["speaking"]
    await client.post("named/cart", params={"source": "Eve"}, content=b"Bonsoir. ", headers={"content-language": "fr"})
    found = (await client.get("named")).json()["sources"]
    assert [(one["name"], one["language"]) for one in found] == [("Ada", "de-at"), ("Eve", "fr")]


async def test_readers_get_the_words_of_a_captioner(service: Running, client: httpx.AsyncClient) -> None:
    async with service.reader("read") as reader:
        await write(client, "read", "Good evening.\n\n")
        async with asyncio.timeout(10):
            async for message in reader:
                event = json.loads(message)
                if event["event"] == "caption" and event["data"]["final"]:
                    break
    assert (event["data"]["text"], event["data"]["source"]) == ("Good evening.", "captioner")


async def test_the_channels_vocabulary_applies(service: Running, client: httpx.AsyncClient) -> None:
    changes = {"vocabulary": {"blocked": ["heck"], "replacements": {"sir title": "Surtitle"}}}
    assert (await client.patch("rules/settings", json=changes)).status_code == 200
    await write(client, "rules", "What the heck is sir title?\n\n")
    assert (await transcript(service, "rules")).strip() == "What the h*** is Surtitle?"


async def test_nothing_is_captioned_while_the_channel_is_paused(service: Running, client: httpx.AsyncClient) -> None:
    await write(client, "paused", "Before. ")
    await client.patch("paused/settings", json={"paused": True})
    await write(client, "paused", "Between. ")
    await client.patch("paused/settings", json={"paused": False})
    await write(client, "paused", "After.\n\n")
    assert "Between" not in await transcript(service, "paused")


async def test_a_pause_makes_words_final_and_a_long_one_ends_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_source, "PAUSE", 0.2)
    async with running(Limits(resume_window=1.0)) as service:
        async with httpx.AsyncClient(base_url=f"{service.url}/api/channels/") as client:
            await write(client, "main", "Good evening")
            channel = service.services.hub.channel("main")
            await until(lambda: [one.final for one in channel.original.captions] == [True])
            assert len(service.services.hub.text_sources.of(channel)) == 1
            await until(lambda: not service.services.hub.text_sources.of(channel))
            await write(client, "main", "everybody")
            assert len(service.services.hub.text_sources.of(channel)) == 1
        text = channel.original
    assert [one.text for one in text.captions if one.final] == ["Good evening", "everybody"]  # the end of the service


async def test_curl_is_enough(service: Running) -> None:
    address = f"{service.url}/api/channels/curl/cart?seq=1&lang=en&source=Ada"
    process = await asyncio.create_subprocess_exec(
        need("curl"),
        "-sf",
        "--noproxy",
        "*",
        "-d",
        "Good evening, everybody. ",
        address,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert json.loads(output) == {"source": "Ada", "seq": 1}
    assert shown(service, "curl") == ["[Good evening, everybody.]"]


@pytest.mark.parametrize(
    ("query", "content", "status"),
    [
        ({"seq": "first"}, b"text", 400),
        ({"lang": "no language"}, b"text", 400),
        ({"age": "-1"}, b"text", 400),
        ({}, b"x" * 10_000, 413),
    ],
)
async def test_bad_requests(client: httpx.AsyncClient, query: dict[str, str], content: bytes, status: int) -> None:
    answer = await client.post("bad/cart", params=query, content=content)
    assert answer.status_code == status
    assert answer.json()["message"].endswith((".", "less."))


async def test_bytes_that_are_no_text_do_no_harm(service: Running, client: httpx.AsyncClient) -> None:
    answer = await client.post("bytes/cart", content=b"caf\xe9 \xff\n\n")
    assert answer.status_code == 200
    assert (await transcript(service, "bytes")).startswith("caf")


async def test_a_token_to_publish_is_needed() -> None:
    async with running(access=Access(secret=SECRET, require_token=True)) as guarded:
        issue = guarded.services.authority.issue
        tokens = {scope: issue(scope, "main", 600, "test").token for scope in (Scope.VIEW, Scope.PUBLISH)}
        async with httpx.AsyncClient(base_url=f"{guarded.url}/api/channels/main/") as client:
            answers = [
                (await client.post("cart", params={"seq": 1, "token": token}, content=b"Hello. ")).status_code
                for token in ("", *tokens.values())
            ]
    assert answers == [401, 403, 200]


async def test_captioners_are_limited() -> None:
    async with running(Limits(sources=1)) as service, httpx.AsyncClient(base_url=service.url) as client:
        first, second = [
            await client.post("/api/channels/main/cart", params={"source": name}, content=b"Hello.")
            for name in ("Ada", "Eve")
        ]
    assert (first.status_code, second.status_code) == (200, 429)
