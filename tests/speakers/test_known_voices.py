"""Voices that are named in one session and known in the next: the whole service, and real voice prints of people.

The turns of the speakers are scripted; test_live.py has the same with a speaker model.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from click.testing import CliRunner

from surtitle.audio import RATE, Samples
from surtitle.cli.main import main
from surtitle.core.settings import Limits
from surtitle.speakers.voice_encoder import WINDOW, compute_voice_prints, normalize
from surtitle.speakers.voice_matching import MIN_SIMILARITY, compare_voices
from tests.speakers.scripted import ScriptedModel, scripted, turns
from tests.support import PATIENT, Running, load, publish, running, speech, until

__all__ = ["scripted"]  # a fixture

PEOPLE = Path(os.environ.get("SURTITLE_BENCH_SPEECH") or Path(__file__).parents[2].parent / "shared" / "audio")
"""Recorded human speech, if it is available."""

SENTENCES = {
    1: "The train was late because of the heavy snow. He opened the door and walked into the room. We walked along "
    "the river.",
    2: "Please write your name at the top of the page. The garden behind the house was full of flowers. Nobody knew.",
}
NEXT_SESSION = Limits(lag_budget=PATIENT.lag_budget, session_rest=0.0)
"""Each source that comes when none is there begins a session."""

Voice = Callable[[int], Samples]
"""What somebody says in the first or in the second session."""


def synthetic(voice: str) -> Voice:
    return lambda session: speech(SENTENCES[session], voice)[: 9 * RATE]


def clip(*parts: tuple[str, float, float]) -> Voice:
    """Parts of recordings by the same person, one for each session: file, begin and end in seconds."""

    def say(session: int) -> Samples:
        file, begin, end = parts[session - 1]
        return load(PEOPLE / file)[round(begin * RATE) : round(end * RATE)]

    return say


pytestmark = pytest.mark.slow


@pytest.fixture(params=["people"] if (PEOPLE / "son1.flac").is_file() else ["synthetic"])
def voices(request: pytest.FixtureRequest) -> tuple[Voice, Voice, Voice]:
    """Three different voices: of readers for LibriVox, two of them in different recordings, or of flite."""
    if request.param == "synthetic":
        return synthetic("rms"), synthetic("slt"), synthetic("awb")
    ada = clip(("son1.flac", 5, 15), ("son2.flac", 5, 15))
    bob = clip(("cities.flac", 1, 11), ("cities.flac", 22, 32))
    eve = clip(("lv.flac", 0, 8), ("lv.flac", 8, 16))
    return ada, bob, eve


async def settle(service: Running, **changes: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=service.url) as client:
        answer = await client.patch("/api/channels/main/settings", json=changes)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


async def names(service: Running) -> dict[str, str]:
    async with httpx.AsyncClient(base_url=service.url) as client:
        return dict((await client.get("/api/channels/main/settings")).json()["names"])


async def known(service: Running) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=service.url) as client:
        return list((await client.get("/api/channels/main/voices")).json()["voices"])


def count(service: Running) -> int:
    """How many voices the dashboard says are known."""
    hub = service.services.hub
    return int(hub.describe(hub.channel("main"))["diarization"]["voices"])


async def speakers(service: Running, path: str) -> list[str]:
    """Who spoke, in order, without repetition."""
    async with httpx.AsyncClient(base_url=service.url) as client:
        captions = (await client.get(path)).json()["captions"]
    found = [caption["speaker"] for caption in captions]
    return [name for before, name in zip([None, *found], found, strict=False) if name and name != before]


async def talk(service: Running, model: type[ScriptedModel], *spoken: tuple[int, Samples]) -> None:
    sound, model.script = turns(*spoken)
    await publish(service, sound, source="room")


async def test_a_voice_that_was_named_is_known_in_the_next_session(
    tmp_path: Path, scripted: type[ScriptedModel], voices: tuple[Voice, Voice, Voice]
) -> None:
    ada, bob, eve = voices
    async with running(NEXT_SESSION, data_dir=tmp_path) as service:
        await settle(service, diarization={"enabled": True, "known_voices": True})
        await talk(service, scripted, (0, ada(1)), (1, bob(1)))
        assert await known(service) == []
        assert await speakers(service, "/api/channels/main/transcript.json") == ["Speaker 1", "Speaker 2"]
        await settle(service, names={"Speaker 1": "Ada", "Speaker 2": "Bob"})
        await until(lambda: count(service) == 2)
        assert [voice["name"] for voice in await known(service)] == ["Ada", "Bob"]
        assert all(voice["seconds"] >= 6 for voice in await known(service))

    async with running(NEXT_SESSION, data_dir=tmp_path) as service:
        await talk(service, scripted, (0, bob(2)), (1, ada(2)), (2, eve(2)))  # another order, and a stranger
        await until(lambda: len(service.services.hub.channel("main").settings.names) >= 2)
        assert await names(service) == {"Speaker 1": "Bob", "Speaker 2": "Ada"}
        assert await speakers(service, "/api/channels/main/transcript.json") == ["Bob", "Ada", "Speaker 3"]
        assert len(await known(service)) == 2

        await settle(service, names={"Speaker 1": "Ada", "Speaker 2": "Bob"})  # a person is always right
        await settle(service, diarization={"latency": 10.0})
        assert await names(service) == {"Speaker 1": "Ada", "Speaker 2": "Bob"}

        async with httpx.AsyncClient(base_url=service.url) as client:
            sessions = (await client.get("/api/sessions")).json()["sessions"]
        first, second = (f"/api/sessions/{one['id']}/transcript.json" for one in reversed(sessions))
        assert await speakers(service, first) == ["Ada", "Bob"]
        assert await speakers(service, second) == ["Ada", "Bob", "Speaker 3"]


async def test_a_deleted_voice_is_gone(tmp_path: Path, scripted: type[ScriptedModel]) -> None:
    ada, bob = synthetic("rms"), synthetic("slt")
    async with running(NEXT_SESSION, data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        await settle(service, diarization={"enabled": True, "known_voices": True})
        await talk(service, scripted, (0, ada(1)), (1, bob(1)))
        await settle(service, names={"Speaker 1": "Ada", "Speaker 2": "Bob"})
        await until(lambda: count(service) == 2)
        prints = [row[0] for row in rows(tmp_path)]

        entry = (await known(service))[0]
        answer = await client.delete(f"/api/channels/main/voices/{entry['id']}")
        assert [voice["name"] for voice in answer.json()["voices"]] == ["Bob"]
        again = await client.delete(f"/api/channels/main/voices/{entry['id']}")
        assert (again.status_code, again.json()["code"]) == (404, "no_such_voice")
        await settle(service, names={"Speaker 1": "Ada", "Speaker 2": "Bob", "x": "y"})
        await settle(service, names={"Speaker 1": "Ada L."})  # a new name for the one, and none for the other
        await until(lambda: [row[1] for row in rows(tmp_path)] == ["Ada L."])

        done = CliRunner().invoke(main, ["voices", "--data-dir", str(tmp_path), "delete", "Ada L."])
        assert (done.exit_code, done.output) == (0, "Deleted in main: Ada L.\n")
        assert await known(service) == []
        await settle(service, names={"Speaker 1": "Ada L.", "mic": "Host"})
        await talk(service, scripted, (0, ada(2)))
        assert await known(service) == []
    assert not any(one in content(tmp_path) for one in prints)


async def test_nothing_is_remembered_unless_it_is_asked_for(tmp_path: Path, scripted: type[ScriptedModel]) -> None:
    async with running(NEXT_SESSION, data_dir=tmp_path) as service:
        await settle(service, diarization={"enabled": True}, names={"Speaker 1": "Ada"})
        await talk(service, scripted, (0, synthetic("rms")(1)))
        await settle(service, names={"Speaker 1": "Ada L."})
        assert await known(service) == []
        assert rows(tmp_path) == []
    async with running(data_dir=None) as service, httpx.AsyncClient(base_url=service.url) as client:
        changes = {"diarization": {"known_voices": True}}
        answer = await client.patch("/api/channels/main/settings", json=changes)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
        assert "known_voices" in answer.json()["message"]


def rows(folder: Path) -> list[tuple[bytes, str]]:
    """The voice prints in the database, with their names."""
    connection = sqlite3.connect(folder / "surtitle.db")
    try:
        return list(connection.execute("SELECT print, name FROM voices ORDER BY name"))
    finally:
        connection.close()


def content(folder: Path) -> bytes:
    """Everything in the files of the database."""
    return b"".join(path.read_bytes() for path in folder.glob("surtitle.db*"))


def test_voice_prints_tell_people_apart(voices: tuple[Voice, Voice, Voice]) -> None:
    def voice_print(samples: Samples) -> Any:
        windows = [samples[at : at + WINDOW] for at in range(0, len(samples) - WINDOW, WINDOW // 2)]
        return normalize(compute_voice_prints(np.stack(windows)).mean(axis=0))

    first = [voice_print(voice(1)) for voice in voices]
    second = [voice_print(voice(2)) for voice in voices]
    for one in range(len(voices)):
        for other in range(len(voices)):
            similarity = compare_voices(first[one], second[other])
            assert (similarity > MIN_SIMILARITY) == (one == other), (one, other, similarity)
