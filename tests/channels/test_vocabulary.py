"""A channel's vocabulary in what its readers and its publisher get."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

from tests.support import Running, publish, speech

TEXT = "The train was late because of the heavy snow."


async def test_tentative_and_committed_words_are_rewritten_alike(service: Running) -> None:
    vocabulary = {"replacements": {"heavy snow": "deep snow"}, "blocked": ["trai*"]}
    async with httpx.AsyncClient(base_url=service.url, trust_env=False) as client:
        answer = await client.patch("/api/channels/rewritten/settings", json={"vocabulary": vocabulary})
        assert answer.status_code == 200
        async with service.reader("rewritten") as reader:
            said = await publish(service, speech(TEXT), channel="rewritten", pace=2.0)
            shown: list[dict[str, Any]] = []
            async with asyncio.timeout(10):
                while not (shown and shown[-1]["final"]):
                    event = json.loads(await reader.recv())
                    if event["event"] == "caption":
                        shown.append(event["data"])
        everything = [message["text"] for message in (*said.of("partial"), *said.of("final"))]
        everything += [caption["text"] + caption["tentative"] for caption in shown]
        assert said.text == "The t**** was late because of the deep snow."
        assert shown[-1]["text"] == said.text
        assert not [text for text in everything if "train" in text.lower() or "heavy snow" in text.lower()]
        transcript = await client.get("/api/channels/rewritten/transcript.txt")
        assert "deep snow" in transcript.text
