"""Closed captions through obs-websocket, read back out of the stream that viewers get.

The captions are put into the real service where recognition would put them, word by word: no
recognizer writes emoji, or sentences of exactly 53 characters. Everything from there on is real.
`test_script.py` has the whole way, from speech.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from surtitle.captions.caption import Caption
from surtitle.captions.cea608 import CHARACTERS, count_pairs
from surtitle.channels.channel import Channel
from surtitle.channels.output_settings import ObsText
from surtitle.cli import checks
from surtitle.closed_captions.rollup import CLEAR_AFTER
from surtitle.core.words import Word
from surtitle.outputs.obs_text import ObsTextTarget
from tests.obs.bed import PASSWORD, Obs, obs
from tests.obs.flv import Shown, running_text, screens
from tests.outputs.bench import Bench, showing
from tests.support import Running, free_port, running, until

MINUTES = 1.0
SENTENCES = [
    "He sold the old horse in autumn",  # 31 characters
    "She paid for the bread and milk.",  # 32
    "They all came home late at night.",  # 33
    "The meeting begins at nine sharp, as it always does.",  # 52
    "There was a long queue of people in front of my door.",  # 53
    "The doctor asked the young man to sit down by the open window ok",  # 64
    "The doctor asked the young man to sit down by the open window now",  # 65
    "“Is that so?” she said, and it wasn't ‘so’ at all.",
    "Wait… no – or yes — who can say…",
    "Señor Müller naïvely ate crème brûlée at Škoda in Łódź.",
    "That was 😀 really 👍🏽 good ❤️",
    "♪ la la la ♪ it is 50 % off, or 5 €",
    "Donaudampfschifffahrtskapitän is one word of many.",
    "Yes.",
    "No.",
    "No.",
]
# What 608 makes of it where it has no such characters.
INSTEAD = {"'": "’", "…": "...", "–": "-", "€": "EUR", "Š": "S", "Ł": "L", "ź": "z"} | dict.fromkeys("😀👍🏽❤️", "")


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Obs]:
    with obs(tmp_path_factory.mktemp("obs")) as running:
        yield running


class Relay:
    """The network between the service and OBS; it can be cut."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def mend(self, after: float = 0.0) -> None:
        await asyncio.sleep(after)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0.1)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, to}
        await asyncio.gather(self._pump(reader, to), self._pump(there, writer))
        self._writers -= {writer, to}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def sending(port: int, **closed_captions: Any) -> AsyncIterator[tuple[Running, Channel]]:
    """A service that sends closed captions of its channel `main` to the OBS at ``port``."""
    async with running() as service:
        channel = service.services.hub.channel("main")
        await change(service, enabled=True, port=port, password=PASSWORD, **closed_captions)
        yield service, channel


async def change(service: Running, **closed_captions: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        answer = await client.patch("/api/channels/main/settings", json={"closed_captions": closed_captions})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def state(service: Running) -> dict[str, Any]:
    hub = service.services.hub
    return dict(hub.describe(hub.channel("main"))["closed_captions"])


async def say(channel: Channel, text: str, *, source: str = "Host", pace: float = 0.3) -> None:
    """Commit ``text`` word by word, one or two at a time, as recognition does."""
    key = channel.session.new_caption_id()
    words: list[Word] = []
    sizes = itertools.cycle((1, 2, 1, 3))
    rest = text.split()
    revisions = itertools.count(1)
    while rest:
        size = next(sizes)
        now = channel.session.clock()
        words += [Word(word, now - 0.1, now) for word in rest[:size]]
        rest = rest[size:]
        channel.original.put(Caption(key, next(revisions), source, "en", tuple(words), final=not rest))
        await asyncio.sleep(pace * size)


def expected(sentences: list[str]) -> str:
    text = " ".join(sentences)
    for character, instead in INSTEAD.items():
        text = text.replace(character, instead)
    return " ".join(text.split())


async def test_states_are_told_and_the_password_is_not(bed: Obs, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with sending(free_port()) as (service, _):
            await until(lambda: state(service)["state"] == "not_connected")
            assert "start OBS" in state(service)["message"]
            settings = await change(service, port=bed.port, password="wrong-horse")
            await until(lambda: state(service)["state"] == "wrong_password")
            settings = await change(service, password=PASSWORD)
            await until(lambda: state(service)["state"] == "not_streaming")
            assert settings["closed_captions"]["password_set"] is True
            assert PASSWORD not in str(settings)
            assert (await change(service, enabled=False))["closed_captions"]["enabled"] is False
            await until(lambda: state(service)["state"] == "off")
            assert state(service)["by"] is None
    for password, message in ((PASSWORD, "OBS 29"), ("wrong-horse", "rejects the password")):
        finding = await asyncio.to_thread(checks.check_obs_login, "OBS", "127.0.0.1", bed.port, password)
        assert message in finding.message
    for secret in (PASSWORD, "wrong-horse"):
        assert secret not in caplog.text


async def test_the_overlay_needs_a_browser_source(bed: Obs) -> None:
    """Debian's OBS has none. What the service asks of one that has is in `tests/web/test_obs_script.py`."""
    async with sending(bed.port) as (service, _), httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        answer = await client.post("/api/channels/main/obs/overlay")
        assert answer.status_code == 502
        assert "This OBS has no browser source" in answer.json()["message"]


async def test_a_text_source_shows_the_newest_lines_and_keeps_its_looks(bed: Obs) -> None:
    scene = (await asyncio.to_thread(bed.request, "GetCurrentProgramScene"))["currentProgramSceneName"]
    looks = {"text": "", "outline": True}
    source = {"sceneName": scene, "inputName": "Captions", "inputKind": "text_ft2_source_v2", "inputSettings": looks}
    settings = ObsText(id="o1", source="Captions", port=bed.port, password=PASSWORD)
    bench = Bench()

    async def read() -> dict[str, Any]:
        answer = await asyncio.to_thread(bed.request, "GetInputSettings", {"inputName": "Captions"})
        return dict(answer["inputSettings"])

    async with showing(bench, ObsTextTarget(settings)) as output:
        await until(lambda: "OBS has no source named Captions" in output.state.message)
        await asyncio.to_thread(bed.request, "CreateInput", source)
        await until(lambda: output.state.name == "waiting")
        bench.say("Señor Müller: 早上好")
        await until(lambda: output.sent > 0)
        assert await read() == {"text": "Señor Müller: 早上好", "outline": True}
    assert (await read())["text"] == ""
    await asyncio.to_thread(bed.request, "RemoveInput", {"inputName": "Captions"})


async def test_the_set_of_characters_and_what_they_cost_is_obs_own(bed: Obs) -> None:
    """Each character that we send comes out of OBS's stream, in as many byte pairs as we count."""
    characters = sorted(CHARACTERS - {" "})
    thirds = itertools.zip_longest(characters[::3], characters[1::3], characters[2::3], fillvalue="x")
    rows = [f"a{one}b{one}{one}c{two}{two}{three}" for one, two, three in thirds]
    texts = ["\n".join(rows[number : number + 2]) for number in range(0, len(rows), 2)]
    bed.stream()
    for text in texts:
        bed.request("SendStreamCaption", {"captionText": text})
        await asyncio.sleep(0.4)
    shown = screens(bed.stop_stream())
    assert [screen.rows for screen in shown] == [tuple(text.split("\n")) for text in texts]
    for screen in shown:
        assert screen.pairs == 4 + sum(1 + count_pairs(row) for row in screen.rows)


async def test_a_minute_in_which_no_word_is_lost_or_doubled(bed: Obs) -> None:
    """The connection to OBS is cut twice meanwhile, once for longer than a screen stays."""
    relay = Relay(bed.port)
    await relay.mend()
    said: list[str] = []
    async with sending(relay.port) as (service, channel):
        await until(lambda: state(service)["state"] == "not_streaming")
        await say(channel, "This was said before the stream began.")
        bed.stream()
        await until(lambda: state(service)["state"] == "sending")
        began = time.monotonic()
        cuts = [MINUTES * 20, MINUTES * 35]
        for sentence in itertools.cycle(SENTENCES):
            if time.monotonic() - began > MINUTES * 60:
                break
            if cuts and time.monotonic() - began > cuts[0]:
                cuts.pop(0)
                await relay.cut()
                await asyncio.gather(say(channel, sentence), relay.mend(after=3))
            else:
                await say(channel, sentence)
            said.append(sentence)
        assert not cuts
        await until(lambda: state(service)["text"] == "")
        assert state(service)["skipped"] == 0
        await asyncio.sleep(0.5)
        shown = screens(bed.stop_stream())
    await relay.cut()
    check(shown)
    assert " ".join(running_text(shown)) == expected(said)
    assert shown[-1].rows == ()


def check(shown: list[Shown]) -> None:
    """What every stream of ours keeps to."""
    for before, after in itertools.pairwise(shown):
        assert before.rows != after.rows
    assert max(screen.pairs for screen in shown) <= 31
    assert max(len(screen.rows) for screen in shown) <= 2
    span = shown[-1].when - shown[0].when
    assert len(shown) <= 2 * span + 3


async def test_speakers_take_turns_and_silence_clears(bed: Obs) -> None:
    async with sending(bed.port) as (service, channel):
        bed.stream()
        await until(lambda: state(service)["state"] == "sending")
        host = say(channel, "Do you hear me well?", pace=0.05)
        await asyncio.gather(host, say(channel, "Yes, I do.", source="Guest", pace=0.05))
        await until(lambda: state(service)["sent"] > 0 and state(service)["text"] == "", timeout=CLEAR_AFTER + 20)
        await say(channel, "And now?")
        await until(lambda: "And now?" in state(service)["text"])
        await change(service, enabled=False)  # takes the text off the viewers' screens
        await until(lambda: state(service)["state"] == "off")
        await asyncio.sleep(0.5)
        shown = screens(bed.stop_stream())
    check(shown)
    assert running_text(shown) == ["Do you hear me well?", ">> Yes, I do.", ">> And now?"]
    assert [screen.rows for screen in shown].count(()) == 2


async def test_the_streams_own_delay_is_honoured(tmp_path: Path) -> None:
    """OBS holds the picture back; a word appears with the picture of the moment in which it was said."""
    delay = 6
    with obs(tmp_path, delay=delay) as bed:
        async with sending(bed.port) as (service, channel):
            bed.request("StartStream")
            started = time.monotonic()
            await until(lambda: state(service)["state"] == "sending")
            await asyncio.sleep(3)
            moments = []
            for word in ("one", "two", "three"):
                moments.append(time.monotonic() - started)
                await say(channel, word)
                await asyncio.sleep(2)
            await until(lambda: "three" in state(service)["text"])
            await asyncio.sleep(delay + 1)
            shown = screens(bed.stop_stream())
    assert [screen.rows[-1] for screen in shown[:3]] == ["one", "one two", "one two three"]
    for screen, moment in zip(shown, moments, strict=False):
        # A stream begins up to some seconds after it was asked for; without the delay it would be 6 more.
        assert moment - 4 < screen.when < moment + 2, (screen, moment)
