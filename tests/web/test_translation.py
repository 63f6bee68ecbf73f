"""Translations over the wire: who gets what, for how long, and what is refused."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from surtitle.core.settings import Limits
from surtitle.translation.ctranslate import CTranslate2Translator
from tests.support import (
    TRANSLATION_MODEL,
    Running,
    error_rate,
    publish,
    put,
    running,
    speech,
    until,
)

LINGER = 0.5  # seconds
DOOR = {
    "en": "We must open the door today.",
    "fr": "Nous devons ouvrir la porte aujourd'hui.",
    "es": "Debemos abrir la puerta hoy.",
    "de": "Wir müssen die Tür heute öffnen.",
}


@pytest_asyncio.fixture(scope="module")
async def translating() -> AsyncIterator[Running]:
    """A service with the small NLLB model."""
    async with running(Limits(languages=4, language_linger=LINGER), translation_model=TRANSLATION_MODEL) as service:
        yield service


class Reader:
    """What one reader has seen: the newest revision of each caption, and every committed text in order."""

    def __init__(self, socket: Any) -> None:
        self.captions: dict[str, dict[str, Any]] = {}
        self.states: list[str] = []
        self._socket = socket

    async def follow(self) -> None:
        async for message in self._socket:
            event = json.loads(message)
            if event["event"] == "caption":
                self.take(event["data"])
            elif event["event"] == "translation":
                self.states.append(event["data"]["state"])

    def take(self, caption: dict[str, Any]) -> None:
        before = self.captions.get(caption["id"])
        if before is not None:
            assert caption["rev"] > before["rev"]
            assert before["final"] or caption["text"].startswith(before["text"]), "committed text has changed"
        self.captions[caption["id"]] = caption

    @property
    def finals(self) -> list[str]:
        return [caption["text"] for caption in self.captions.values() if caption["final"]]

    async def has(self, *texts: str) -> None:
        await until(lambda: self.finals == list(texts))


@asynccontextmanager
async def reading(service: Running, channel: str, language: str = "") -> AsyncIterator[Reader]:
    async with service.reader(channel, f"?lang={language}" if language else "") as socket:
        reader = Reader(socket)
        task = asyncio.create_task(reader.follow())
        await until(lambda: service.services.hub.readers.of(channel) > 0)
        yield reader
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def languages(service: Running, channel: str) -> dict[str, dict[str, Any]]:
    """Those that run."""
    async with httpx.AsyncClient(base_url=service.url) as client:
        told = (await client.get(f"/api/channels/{channel}")).json()["translation"]
    return {one["language"]: one for one in told["languages"]}


async def test_three_languages_at_once(translating: Running) -> None:
    async with (
        reading(translating, "three") as original,
        reading(translating, "three", "fr") as french,
        reading(translating, "three", "Spanish") as spanish,
        reading(translating, "three", "deu_Latn") as german,
    ):
        words = DOOR["en"].split()
        for rev in range(2, len(words)):
            put(translating, "three", "c1", rev, " ".join(words[: rev - 2]), " ".join(words[rev - 2 : rev]))
            await asyncio.sleep(0.1)
        put(translating, "three", "c1", 90, DOOR["en"], final=True)
        for reader, language in ((original, "en"), (french, "fr"), (spanish, "es"), (german, "de")):
            await reader.has(DOOR[language])
            caption = reader.captions["c1"]
            assert (caption["lang"], caption["start"], caption["end"]) == (language, 1.0, 2.0)


async def test_a_sentence_over_two_captions(translating: Running) -> None:
    async with reading(translating, "two", "de") as german, reading(translating, "two", "fr") as french:
        put(translating, "two", "c1", 1, "The teacher saw my sister", final=True)
        put(translating, "two", "c2", 1, "in the garden yesterday.", start=2.0, final=True)
        await german.has("Der Lehrer hat meine Schwester", "im Garten gestern gesehen.")
        await french.has("Le professeur a vu ma sœur", "dans le jardin hier.")


async def test_after_a_pause_it_goes_on(translating: Running) -> None:
    async with reading(translating, "pause", "fr") as french:
        put(translating, "pause", "c1", 1, DOOR["en"], final=True)
        await french.has(DOOR["fr"])
        put(translating, "pause", "c2", 1, "The book is red.", start=63.0, final=True)
        await french.has(DOOR["fr"], "Le livre est rouge.")


async def test_a_fourth_language_comes_and_goes(translating: Running) -> None:
    async with reading(translating, "fourth", "fr") as french:
        put(translating, "fourth", "c1", 1, DOOR["en"], final=True)
        await french.has(DOOR["fr"])
        async with reading(translating, "fourth", "de") as german:
            await german.has(DOOR["de"])  # it is on screen
            put(translating, "fourth", "c2", 1, "The book is red.", start=5.0, final=True)
            await german.has(DOOR["de"], "Das Buch ist rot.")
            assert (await languages(translating, "fourth"))["de"]["readers"] == 1
        assert "de" in await languages(translating, "fourth")
        async with asyncio.timeout(10):
            while "de" in await languages(translating, "fourth"):
                await asyncio.sleep(0.1)
        put(translating, "fourth", "c3", 1, "The door is big.", start=9.0, final=True)
        await french.has(DOOR["fr"], "Le livre est rouge.", "La porte est grande.")
    async with httpx.AsyncClient(base_url=translating.url) as client:
        path = "/api/channels/fourth/transcript.txt"
        assert (await client.get(path, params={"lang": "de"})).text == f"{DOOR['de']}\nDas Buch ist rot.\n"
        assert (await client.get(path, params={"lang": "original"})).text.startswith(DOOR["en"])
        assert (await client.get(path, params={"lang": "es"})).text == ""


async def test_pinned_languages_need_no_reader(translating: Running) -> None:
    async with httpx.AsyncClient(base_url=f"{translating.url}/api/channels/pinned") as client:
        answer = await client.patch("/settings", json={"translations": ["French", "fr-CA", "zho_Hans"]})
        assert answer.json()["translations"] == ["fr", "zh"]
        put(translating, "pinned", "c1", 1, DOOR["en"], final=True)
        async with asyncio.timeout(30):
            while not (await client.get("/transcript.txt", params={"lang": "fr"})).text:
                await asyncio.sleep(0.1)
        assert (await languages(translating, "pinned"))["fr"]["pinned"]
        await client.patch("/settings", json={"translations": []})
        assert await languages(translating, "pinned") == {}


async def test_a_correction_is_translated(translating: Running) -> None:
    async with (
        httpx.AsyncClient(base_url=f"{translating.url}/api/channels/corrected") as client,
        reading(translating, "corrected", "fr") as french,
    ):
        put(translating, "corrected", "c1", 1, "The book is red.", final=True)
        await french.has("Le livre est rouge.")
        await client.patch("/captions/c1", json={"text": "The door is red."})
        await french.has("La porte est rouge.")
        await client.patch("/captions/c1", json={"text": ""})
        await until(lambda: not french.captions["c1"]["text"])
        assert (await client.get("/transcript.txt", params={"lang": "fr"})).text == ""


async def test_the_spoken_language_is_passed_on(translating: Running) -> None:
    async with reading(translating, "same", "en-GB") as english:
        put(translating, "same", "c1", 1, "Colour is", "not a colour")
        await until(lambda: bool(english.captions))
        assert english.captions["c1"]["tentative"] == " not a colour"


async def test_closed_captions_and_text_for_obs_in_another_language(translating: Running) -> None:
    path = "/api/channels/obs/obs?captions=1&captions_lang=fr&overlay=1&overlay_lang=de"
    lines: list[dict[str, Any]] = []

    async def read() -> None:
        async with (
            httpx.AsyncClient(base_url=translating.url, timeout=30) as client,
            client.stream("GET", path) as answer,
        ):
            async for line in answer.aiter_lines():
                lines.append(json.loads(line))  # noqa: PERF401

    reading_obs = asyncio.create_task(read())
    await until(lambda: any(line["event"] == "state" for line in lines))
    put(translating, "obs", "c1", 1, "The book is red.", final=True)

    def last(event: str) -> str:
        return next((str(line["text"]) for line in reversed(lines) if line["event"] == event), "")

    await until(lambda: "Le livre est rouge." in last("screen") and last("overlay") == "Das Buch ist rot.")
    reading_obs.cancel()
    await asyncio.gather(reading_obs, return_exceptions=True)


async def test_what_is_refused(translating: Running) -> None:
    async with httpx.AsyncClient(base_url=f"{translating.url}/api/channels/refused") as client:
        answer = await client.get("/captions", params={"lang": "Frnech"})
        assert answer.status_code == 400
        assert "do you mean fr (French)?" in answer.json()["message"]
        answer = await client.patch("/settings", json={"translations": ["fr", "de", "es", "it", "pt"]})
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many")
        answer = await client.patch("/settings", json={"translation_model": "/nowhere"})
        assert answer.status_code == 400
        assert "There is no directory /nowhere" in answer.json()["message"]
    async with translating.reader("refused", "?lang=xx") as socket:
        assert json.loads(await socket.recv())["code"] == "bad_request"


async def test_without_a_model_the_original_goes_on_and_readers_are_told(service: Running) -> None:
    async with reading(service, "none", "fr") as french, reading(service, "none") as original:
        put(service, "none", "c1", 1, DOOR["en"], final=True)
        await original.has(DOOR["en"])
        await until(lambda: french.states[-1:] == ["failed"])
        assert french.captions == {}
        assert "--translation-model" in (await languages(service, "none"))["fr"]["message"]
    async with reading(service, "none", "en") as english:
        put(service, "none", "c2", 1, DOOR["en"], final=True)
        await until(lambda: english.captions["c2"]["final"] if "c2" in english.captions else False)
        await until(lambda: english.states[-1:] == ["live"])


async def test_a_model_is_chosen_while_somebody_waits(service: Running) -> None:
    async with (
        httpx.AsyncClient(base_url=f"{service.url}/api/channels/chosen") as client,
        reading(service, "chosen", "fr") as french,
    ):
        await until(lambda: french.states[-1:] == ["failed"])
        put(service, "chosen", "c1", 1, DOOR["en"], final=True)
        await client.patch("/settings", json={"translation_model": TRANSLATION_MODEL})
        await french.has(DOOR["fr"])
        await until(lambda: french.states[-1:] == ["live"])


@pytest.mark.parametrize("factor", [10])
async def test_a_slow_translator_lags_alone(translating: Running, monkeypatch: pytest.MonkeyPatch, factor: int) -> None:
    """All the original's revisions are out while the first translation is not; then every final one comes."""
    from surtitle.translation.ctranslate import CTranslate2Translator

    fast = CTranslate2Translator.translate
    asked = []

    def slow(self: CTranslate2Translator, texts: Any) -> list[str]:

        began = time.monotonic()
        answers = fast(self, texts)
        asked.append(len(texts))
        time.sleep(factor * max(0.1, time.monotonic() - began))
        return answers

    monkeypatch.setattr(CTranslate2Translator, "translate", slow)
    sentences = ["The book is red.", "The door is big.", "The house is small.", "The car was good."] * 3
    async with reading(translating, "slow", "fr") as french, reading(translating, "slow") as original:
        revisions = 0
        for number, sentence in enumerate(sentences):
            words = sentence.split()
            for count in range(1, len(words) + 1):
                revisions += 1
                final = count == len(words)
                text = " ".join(words[:count])
                put(translating, "slow", f"c{number}", count, text, start=2.0 * number, final=final)
            await asyncio.sleep(0)
        await original.has(*sentences)
        assert len(french.finals) < len(sentences)
        await until(lambda: len(french.finals) == len(sentences), timeout=60)
    assert sum(asked) < revisions  # what was overtaken was not translated
    assert french.finals[:2] == ["Le livre est rouge.", "La porte est grande."]


async def test_whisper_translates_into_english_itself_when_there_is_no_model(whisper_base: Path) -> None:
    """English speech that is taken for German: a translation of it has the right words to compare."""
    truth = "We must open the door."
    async with (
        running(engine="whisper", model=str(whisper_base), language="de") as service,
        reading(service, "sound", "en") as english,
        reading(service, "sound", "fr") as french,
    ):
        await until(lambda: english.states == ["waiting"] and french.states[-1:] == ["failed"])
        said = await publish(service, speech(truth), channel="sound")
        await until(lambda: bool(english.finals))
        assert error_rate(truth, english.finals[0]) < 0.5
        assert english.captions[said.of("final")[0]["id"]]["lang"] == "en"
        await until(lambda: english.states[-1:] == ["live"])
        assert french.states[-1] == "failed"
