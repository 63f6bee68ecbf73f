"""The second pass: as good as the first or better, and manual corrections are kept."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio

from surtitle.captions.caption import Caption
from surtitle.core.errors import ModelError
from surtitle.core.words import Word
from surtitle.recordings.retranscribe import BUILT_IN, best_transcriber, find_languages, largest_model
from surtitle.speech.engine import Hints
from tests.hub import FakeHub
from tests.recordings.talk import GUEST, HOST, Talk, caption_of, talk
from tests.support import Running, error_rate, running, until

TRUTH = " ".join(part for pair in zip(HOST, GUEST, strict=True) for part in pair)
COMMAND = [sys.executable, "-m", "surtitle", "polish"]


@pytest_asyncio.fixture(scope="module")
async def service(whisper_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("data")
    async with running(data_dir=folder, engine="whisper", model=str(whisper_tiny), language="en") as service:
        yield service


@pytest_asyncio.fixture(scope="module")
async def recorded(service: Running) -> Talk:
    return await talk(service, "main", pace=1.5)


@pytest_asyncio.fixture
async def client(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        yield client


async def polish(client: httpx.AsyncClient, session: str) -> dict[str, Any]:
    """Ask for a second pass and wait for its end."""
    found = (await client.post(f"/api/sessions/{session}/polish")).json()
    async with asyncio.timeout(600):
        while found["polish"]["state"] in ("waiting", "running"):
            await asyncio.sleep(0.2)
            found = (await client.get(f"/api/sessions/{session}")).json()
    return dict(found)


async def text(client: httpx.AsyncClient, session: str, version: str) -> str:
    address = f"/api/sessions/{session}/transcript.json?version={version}"
    return " ".join(one["text"] for one in (await client.get(address)).json()["captions"])


async def test_a_second_pass_is_as_good_or_better_and_keeps_corrections(
    service: Running, client: httpx.AsyncClient, recorded: Talk
) -> None:
    live = (await client.get("/api/channels/main/transcript.json")).json()["captions"]
    door = caption_of(HOST[1], live)
    corrected = "Please close the Surtitle door when you leave the room."
    await client.patch(f"/api/channels/main/captions/{door['id']}", json={"text": corrected, "speaker": "Ada"})
    found = await polish(client, recorded.session)
    assert found["polish"] == {"state": "done", "done": 1.0, "message": ""}
    assert found["versions"] == ["live", "polished"]
    before, after = [await text(client, recorded.session, version) for version in ("live", "polished")]
    truth = TRUTH.replace(HOST[1], corrected)
    assert error_rate(truth, after) <= error_rate(truth, before)
    assert error_rate(truth, after) < 0.2
    assert corrected in after
    captions = (await client.get(f"/api/sessions/{recorded.session}/transcript.json")).json()["captions"]
    assert {one["source"] for one in captions} == {"Host", "Guest"}
    assert {one["speaker"] for one in captions if "Surtitle" in one["text"]} == {"Ada"}
    assert {one["speaker"] for one in captions if "Surtitle" not in one["text"]} == {None}
    rivers = [caption_of(GUEST[1], found) for found in (live, captions)]
    assert rivers[0]["start"] == pytest.approx(rivers[1]["start"], abs=0.6)  # on the channel's clock
    difference = (await client.get(f"/api/sessions/{recorded.session}/difference")).json()
    said = " ".join(part for line in difference["lines"] for kind, part in line["parts"] if kind != "gone")
    assert error_rate(after, said) == 0


async def test_the_command_does_the_same_and_prints_the_number_of_captions(
    service: Running, recorded: Talk, whisper_tiny: Path
) -> None:
    folder = str(service.services.settings.data_dir)
    done = subprocess.run(  # noqa: ASYNC221 - nothing else is running
        [*COMMAND, recorded.session, "--data-dir", folder, "--model", str(whisper_tiny)],
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Session {recorded.session} now has ")


async def test_a_cancelled_second_pass_changes_nothing(
    service: Running, client: httpx.AsyncClient, recorded: Talk
) -> None:
    before = await text(client, recorded.session, "live")
    await client.post(f"/api/sessions/{recorded.session}/polish")
    found = (await client.delete(f"/api/sessions/{recorded.session}/polish")).json()
    assert found["polish"]["state"] == "stopped"
    assert await text(client, recorded.session, "live") == before


async def test_a_missing_model_is_reported(client: httpx.AsyncClient, recorded: Talk) -> None:
    await client.post(f"/api/sessions/{recorded.session}/polish", json={"model": "/nowhere"})
    async with asyncio.timeout(300):
        while (job := (await client.get(f"/api/sessions/{recorded.session}")).json()["polish"])["state"] != "failed":
            await asyncio.sleep(0.2)
    assert job["message"].startswith("There is no directory /nowhere")
    assert (await client.post(f"/api/sessions/{recorded.session}/polish", content=b"[")).status_code == 400


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other priorities")
async def test_it_runs_with_low_priority(client: httpx.AsyncClient, recorded: Talk) -> None:
    await client.post(f"/api/sessions/{recorded.session}/polish")
    await until(lambda: 19 in _niceness(recorded.session))
    await client.delete(f"/api/sessions/{recorded.session}/polish")
    assert _niceness(recorded.session) == set()


def _niceness(session: str) -> set[int]:
    """The niceness of the processes that transcribe this session."""
    found = psutil.process_iter(["cmdline", "nice"])
    return {one.info["nice"] for one in found if session in (one.info["cmdline"] or [])}


def test_the_largest_model_that_knows_the_language_is_used(hub: FakeHub, whisper_tiny: Path) -> None:
    assert largest_model("en") == BUILT_IN
    assert largest_model("en", [str(whisper_tiny), "/nowhere", BUILT_IN]) == str(whisper_tiny)
    assert best_transcriber(None)("en", Hints(), ()).name == BUILT_IN
    with pytest.raises(ModelError, match="knows the language 'de'"):
        best_transcriber(None)("de", Hints(), ())
    with pytest.raises(ModelError, match="models fetch small"):
        best_transcriber("small")("de", Hints(), ())


def test_the_languages_are_those_of_the_live_words() -> None:
    assert find_languages([], None) == ["auto"]
    assert find_languages([], "de") == ["de"]
    spoken = [
        Caption(code, 1, "mic", code, tuple(Word("word", 0.0, 1.0) for _ in range(count)), (), True)
        for code, count in (("fr", 30), ("de", 60), ("auto", 90), ("it", 2))
    ]
    assert find_languages(spoken, None) == ["de", "fr"]  # the two Italian words are a mistake
