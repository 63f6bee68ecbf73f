"""Sessions over HTTP: a talk that was recorded is found, read, heard and deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import pytest_asyncio

from surtitle.audio import RATE
from surtitle.captions.transcript import EXPORT_FORMATS
from tests.recordings.talk import Talk, talk
from tests.recordings.test_audio_file import decode_file
from tests.support import Running, put, running, until


@pytest_asyncio.fixture(scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(data_dir=tmp_path_factory.mktemp("data")) as service:
        yield service


@pytest_asyncio.fixture(scope="module")
async def spoken(service: Running) -> Talk:
    return await talk(service, "main")


@pytest_asyncio.fixture
async def client(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        yield client


async def test_a_session_is_listed_with_its_recordings(client: httpx.AsyncClient, spoken: Talk) -> None:
    (one,) = (await client.get("/api/sessions?channel=main")).json()["sessions"]
    assert one["id"] == spoken.session
    assert one["ended"] > one["began"]
    assert {recording["source"] for recording in one["recordings"]} == {"Host", "Guest"}
    assert [recording["seconds"] for recording in one["recordings"]] == pytest.approx(
        [len(spoken.host) / RATE] * 2, abs=0.01
    )
    assert one["captions"] >= 4
    assert "evening" in one["beginning"].lower()
    assert (one["versions"], one["recording"]) == (["live"], False)
    assert (await client.get("/api/sessions?channel=other")).json() == {"sessions": []}
    assert (await client.get(f"/api/sessions?before={one['began']}")).json() == {"sessions": []}


async def test_words_are_found_with_their_captions(client: httpx.AsyncClient, spoken: Talk) -> None:
    (one,) = (await client.get("/api/sessions?q=close%20door")).json()["sessions"]
    assert one["id"] == spoken.session
    (hit,) = one["hits"]
    assert "door" in hit["text"].lower()
    assert hit["start"] > 5
    assert (await client.get("/api/sessions?q=nothing%20of%20this")).json() == {"sessions": []}


async def test_it_is_exported_in_all_formats(client: httpx.AsyncClient, spoken: Talk) -> None:
    for form, known in EXPORT_FORMATS.items():
        answer = await client.get(f"/api/sessions/{spoken.session}/transcript.{form}?words=1")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == known.media_type
        assert answer.text
    text = (await client.get(f"/api/sessions/{spoken.session}/transcript.txt")).text.lower()
    assert text.index("host:") < text.index("guest:")
    assert "river" in text
    assert (await client.get(f"/api/sessions/{spoken.session}/transcript.doc")).status_code == 404
    for wrong, right in {"version=best": "live or polished", "clock=foo": "audio or obs", "words=yes": "1"}.items():
        answer = await client.get(f"/api/sessions/{spoken.session}/transcript.txt?{wrong}")
        assert answer.status_code == 400
        assert right in answer.json()["message"]
    assert (await client.get(f"/api/sessions/{spoken.session}/transcript.txt?lang=fr")).text == ""


async def test_times_are_those_of_the_audio_if_wished(client: httpx.AsyncClient, spoken: Talk) -> None:
    audio = (await client.get(f"/api/sessions/{spoken.session}")).json()["audio"]
    address = f"/api/sessions/{spoken.session}/transcript.json"
    channel = (await client.get(address)).json()["captions"]
    shifted = (await client.get(f"{address}?clock=audio")).json()["captions"]
    assert [round(one["start"] - audio["start"], 2) for one in channel] == [round(one["start"], 2) for one in shifted]


async def test_times_are_shifted_if_wished(client: httpx.AsyncClient, spoken: Talk) -> None:
    audio = (await client.get(f"/api/sessions/{spoken.session}")).json()["audio"]
    address = f"/api/sessions/{spoken.session}/transcript.json"
    channel = (await client.get(address)).json()["captions"]
    shifted = (await client.get(f"{address}?offset=60.5&clock=audio")).json()["captions"]
    assert [one["start"] - audio["start"] + 60.5 for one in channel] == pytest.approx(
        [one["start"] for one in shifted], abs=0.005
    )
    assert (await client.get(f"{address}?offset=-100000")).json()["captions"] == []
    for wrong in ("soon", "nan", "inf", "1e9"):
        answer = await client.get(f"{address}?offset={wrong}")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_all_sources_are_heard_at_their_places(
    service: Running, client: httpx.AsyncClient, spoken: Talk, tmp_path: Path
) -> None:
    answer = await client.get(f"/api/sessions/{spoken.session}/audio")
    assert answer.headers["content-type"] == "audio/flac"
    path = tmp_path / "mix.flac"
    path.write_bytes(answer.content)
    frames, rate = decode_file(path)
    session = (await client.get(f"/api/sessions/{spoken.session}")).json()
    assert session["audio"]["ready"] == 1
    assert float(answer.headers["x-surtitle-start"]) == session["audio"]["start"]
    assert len(frames) / rate == pytest.approx(session["audio"]["seconds"], abs=0.01)
    found = service.services.sessions.recording_files.recordings(spoken.session)
    starts = {one.source: one.clock - found[0].clock for one in found}
    expected = np.zeros(len(frames), dtype=np.float32)
    for name, samples in (("Host", spoken.host), ("Guest", spoken.guest)):
        at = round(starts[name] * RATE)
        room = min(len(samples), len(expected) - at)
        expected[at : at + room] += samples[:room]
    assert np.abs(frames[:, 0] - expected).max() < 0.001


async def test_ranges_can_be_asked_for(client: httpx.AsyncClient, spoken: Talk) -> None:
    base = f"/api/sessions/{spoken.session}"
    whole = (await client.get(f"{base}/audio")).content
    part = await client.get(f"{base}/audio", headers={"range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, whole[1000:2000])
    (first, _) = (await client.get(base)).json()["recordings"]
    alone = await client.get(f"{base}/recordings/{first['file']}")
    assert len(alone.content) == first["bytes"]
    assert (await client.get(f"{base}/recordings/..%2F..%2Fsurtitle.db")).status_code == 404
    assert (await client.get(f"{base}/recordings/nothing.flac")).json()["code"] == "no_such_session"


async def test_names_are_those_that_speakers_have_now(client: httpx.AsyncClient, spoken: Talk) -> None:
    await client.patch("/api/channels/main/settings", json={"names": {"Host": "Ada"}})
    text = (await client.get(f"/api/sessions/{spoken.session}/transcript.md")).text
    assert "**Ada**" in text
    assert "**Host**" not in text
    await client.patch("/api/channels/main/settings", json={"names": {}})


@pytest.mark.parametrize("method", ["get", "delete"])
@pytest.mark.parametrize("name", ["nothing", "..", "20260101-000000-ffffffff", "%2e%2e%2fetc", "a" * 500])
async def test_unknown_sessions_are_reported(client: httpx.AsyncClient, method: str, name: str) -> None:
    for path in ("", "/transcript.srt", "/audio", "/difference"):
        answer = await client.request(method, f"/api/sessions/{name}{path}")
        assert answer.status_code in (404, 405)


async def test_a_session_without_audio_is_kept_too(service: Running, client: httpx.AsyncClient) -> None:
    service.services.hub.channel("quiet").begin()
    put(service, "quiet", "c1", 1, "Only words.", final=True)
    (one,) = (await client.get("/api/sessions?channel=quiet")).json()["sessions"]
    assert (one["audio"], one["recordings"], one["beginning"]) == (None, [], "Only words.")
    for path, method in (("/audio", "GET"), ("/polish", "POST"), ("/difference", "GET")):
        answer = await client.request(method, f"/api/sessions/{one['id']}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_session")


async def test_translations_are_read_and_found(service: Running, client: httpx.AsyncClient) -> None:
    channel = service.services.hub.channel("several")
    channel.begin()
    put(service, "several", "c1", 1, "Good evening.", final=True)
    (said,) = channel.original.captions
    words = (replace(said.words[0], text="Bonsoir."),)
    channel.translation("fr").put(replace(said, language="fr", words=words))
    (one,) = (await client.get("/api/sessions?channel=several&q=bonsoir")).json()["sessions"]
    assert one["languages"] == ["fr"]
    assert [(hit["text"], hit["lang"]) for hit in one["hits"]] == [("Bonsoir.", "fr")]
    assert (await client.get(f"/api/sessions/{one['id']}/transcript.txt?lang=fr")).text == "Bonsoir.\n"
    assert (await client.get(f"/api/sessions/{one['id']}/transcript.txt")).text == "Good evening.\n"


async def test_a_session_is_deleted_for_good(service: Running, client: httpx.AsyncClient) -> None:
    """This includes an active session: what follows belongs to another session, with its own recording."""
    async with service.publisher("gone") as socket:
        await client.post("/api/channels/gone/recording")
        await socket.send('{"op":"start","source":"Host"}')
        await socket.recv()
        hub, folder = service.services.hub, service.services.sessions.recording_files.folder
        channel = hub.channel("gone")
        second = np.full(RATE, 3000, dtype="<i2").tobytes()
        await socket.send(second)
        before = channel.session.current.id
        await until(lambda: bool(list(folder.glob(f"{before}/*"))))
        put(service, "gone", "c1", 1, "Forget this.", final=True)
        assert (await client.get(f"/api/sessions/{before}")).json()["ended"] is None
        assert (await client.post(f"/api/sessions/{before}/polish")).status_code in (404, 409)
        assert (await client.delete(f"/api/sessions/{before}")).json() == {"status": "deleted"}
        assert (await client.get(f"/api/sessions/{before}")).status_code == 404
        assert not (folder / before).exists()
        assert (await client.get("/api/channels/gone/transcript.txt")).text == ""
        await socket.send(second)
        await until(lambda: len(list(folder.glob(f"{channel.session.current.id}/*"))) == 1)
        assert channel.session.current.id != before
        assert (await client.get("/api/sessions?q=forget")).json() == {"sessions": []}


async def test_a_service_that_keeps_nothing_has_no_sessions() -> None:
    async with running() as service, httpx.AsyncClient(base_url=service.url) as client:
        assert (await client.get("/api/sessions")).json() == {"sessions": []}
        assert (await client.get("/api/sessions/x")).json()["code"] == "no_such_session"


async def test_speakers_can_be_renamed_after_a_session_has_ended(service: Running, client: httpx.AsyncClient) -> None:
    hub = service.services.hub
    channel = hub.channel("renamed")
    channel.begin()
    put(service, "renamed", "r1", 1, "Good evening", final=True, speaker="Speaker 1")
    put(service, "renamed", "r2", 1, "and welcome", start=3.0, final=True, speaker="Speaker 1, Speaker 2")
    put(service, "renamed", "r3", 1, "to everybody", start=6.0, final=True)
    hub.change("renamed", {"names": {"Speaker 1": "Ada"}})
    address = f"/api/sessions/{channel.session.current.id}"
    speakers = (await client.get(address)).json()["speakers"]
    assert [tuple(one.values()) for one in speakers] == [("Speaker 1", "Ada"), ("Speaker 2",) * 2, ("Host",) * 2]
    channel.clear()  # which begins another session
    renamed = await client.patch(address, json={"names": {"Speaker 1": "Grace", "Speaker 2": " Alan ", "Host": ""}})
    assert {one["name"]: one["shown"] for one in renamed.json()["speakers"]} == {
        "Speaker 1": "Grace",
        "Speaker 2": "Alan",
        "Host": "Host",
    }
    text = (await client.get(f"{address}/transcript.txt")).text
    assert [name in text for name in ("Grace:", "Grace, Alan:", "Host:", "Ada")] == [True, True, True, False]
    assert channel.settings.names == {"Speaker 1": "Ada"}, "the next session has names of its own"
    assert (await client.patch(address, json={"names": {}})).json()["speakers"] == renamed.json()["speakers"]
    assert (await client.patch("/api/sessions/nothing", json={"names": {}})).status_code == 404
    assert (await client.patch(address, json={"names": {"Host": 1}})).status_code == 400


async def test_speakers_of_a_session_that_continues_get_names_of_the_channel(
    service: Running, client: httpx.AsyncClient
) -> None:
    channel = service.services.hub.channel("continuing")
    channel.begin()
    put(service, "continuing", "r1", 1, "Good evening", final=True, speaker="Speaker 1")
    address = f"/api/sessions/{channel.session.current.id}"
    await client.patch(address, json={"names": {"Speaker 1": "Ada"}})
    assert channel.settings.names == {"Speaker 1": "Ada"}
    await client.patch(address, json={"names": {"Speaker 1": ""}})
    assert channel.settings.names == {}
