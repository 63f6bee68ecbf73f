"""Streams of real programs, captioned by the service: ffmpeg is the encoder."""

from __future__ import annotations

import asyncio
import functools
import http.server
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from surtitle.core.settings import Access
from surtitle.store.journal import Store
from tests.support import Running, as_wav, free_port, need, running, settled, sources, speech, until

TEXT = "The old clock on the wall has not worked for many years."
WORD = "clock"


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    path.write_bytes(as_wav(speech(TEXT)))
    return path


@pytest_asyncio.fixture(scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    data = tmp_path_factory.mktemp("data")
    async with running(data_dir=data, language="en", access=Access(private_ingest=True)) as service:
        yield service


async def encode(talk: Path, *output: str) -> asyncio.subprocess.Process:
    """Send the talk with a picture as an encoder does, in real time."""
    picture = ["-f", "lavfi", "-i", "color=size=64x48:rate=5", "-shortest", "-c:v", "libx264", "-g", "5"]
    command = [need("ffmpeg"), "-nostdin", "-loglevel", "error", "-re", "-i", str(talk), *picture, *output]
    return await asyncio.create_subprocess_exec(*command)


async def connect(service: Running, channel: str, talk: Path, *output: str) -> asyncio.subprocess.Process:
    """Send the talk, and connect again while nobody listens yet, as OBS and hardware encoders do."""
    for _ in range(20):
        encoder = await encode(talk, *output)
        if await received(service, channel, encoder):
            return encoder
    raise AssertionError("The encoder could not connect.")


async def received(service: Running, channel: str, encoder: asyncio.subprocess.Process) -> bool:
    """Wait until the encoder is received, or has left because nobody listened."""
    await until(lambda: state(service, channel) == "receiving" or encoder.returncode is not None)
    return encoder.returncode is None


async def add(service: Running, channel: str, url: str, **more: object) -> httpx.Response:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        return await client.post(f"/api/channels/{channel}/ingests", json={"url": url, "name": "Stage", **more})


def state(service: Running, channel: str) -> str:
    parts = service.services
    (one,) = parts.ingests.streams(parts.hub.channel(channel))
    return str(one["state"])


async def test_an_encoder_that_comes_back_continues_its_source(service: Running, talk: Path) -> None:
    url = f"rtmp://127.0.0.1:{free_port()}/live/secret"
    response = await add(service, "rtmp", url, listen=True)
    assert (response.status_code, "secret" in response.text) == (201, False)
    (added,) = response.json()["ingests"]
    keys = set()
    for _ in range(2):
        await until(lambda: state(service, "rtmp") == "waiting")
        encoder = await connect(service, "rtmp", talk, "-c:a", "aac", "-f", "flv", url)
        assert await asyncio.wait_for(encoder.wait(), 30) == 0
        keys |= {source.key for source in service.services.hub.sources.of(service.services.hub.channel("rtmp"))}
    await until(lambda: state(service, "rtmp") == "waiting")
    said = await settled(service, "rtmp")
    assert (sources(service, "rtmp"), len(keys)) == (["Stage"], 1)
    assert said.lower().count(WORD) == 2
    async with httpx.AsyncClient(base_url=service.url) as client:
        path = f"/api/channels/rtmp/ingests/{added['id']}"
        assert (await client.delete(path)).json() == {"ingests": []}
        assert (await client.delete(path)).status_code == 404
    await until(lambda: not sources(service, "rtmp"))


async def test_packets_are_received(service: Running, talk: Path) -> None:
    url = f"udp://127.0.0.1:{free_port()}"
    assert (await add(service, "udp", url)).status_code == 201
    await until(lambda: state(service, "udp") == "waiting")
    encoder = await encode(talk, "-c:a", "aac", "-f", "mpegts", f"{url}?pkt_size=1316")
    await until(lambda: bool(sources(service, "udp")))
    assert await asyncio.wait_for(encoder.wait(), 30) == 0
    assert WORD in (await settled(service, "udp")).lower()


async def test_an_srt_encoder_is_waited_for(service: Running) -> None:
    assert (await add(service, "srt", f"srt://127.0.0.1:{free_port()}", listen=True)).status_code == 201
    await until(lambda: state(service, "srt") == "waiting")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server that serves ``tmp_path``."""
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_a_playlist_cannot_name_files(service: Running, web: str, talk: Path, tmp_path: Path) -> None:
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:8\n#EXTINF:8,\n"
    (tmp_path / "evil.m3u8").write_text(f"{head}file://{talk}\n#EXT-X-ENDLIST\n")
    assert (await add(service, "evil", f"{web}/evil.m3u8")).status_code == 201
    await until(lambda: state(service, "evil") in ("failed", "reconnecting", "refused"))
    assert not sources(service, "evil")


async def test_streams_come_back_after_a_restart(tmp_path: Path) -> None:
    url = f"udp://127.0.0.1:{free_port()}"
    for _ in range(2):
        async with running(data_dir=tmp_path, access=Access(private_ingest=True)) as service:
            if not service.services.hub.channel("main").settings.ingests:
                await add(service, "main", url, language="en")
            await until(lambda: state(service, "main") == "waiting")
    store = Store(tmp_path)
    assert [one.url for one in store.settings()["main"].settings.ingests] == [url]
    store.close()


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("file:///etc/passwd", 400),
        ("http://127.0.0.1/live.m3u8", 403),
        ("http://localhost:1/live.m3u8", 403),
        ("http://2130706433/live.m3u8", 403),
        ("rtsp://[::ffff:10.0.0.1]/stage", 403),
        ("http://169.254.169.254/latest/meta-data", 403),
        ("udp://0.0.0.0:5004", 403),
        ("rtmp://0.0.0.0/live/key?listen", 403),
    ],
)
async def test_private_addresses_need_permission(default: Running, url: str, status: int) -> None:
    response = await add(default, "private", url)
    assert response.status_code == status
    assert response.json()["message"].endswith(".")
    assert not default.services.hub.channel("private").settings.ingests


async def test_streams_are_not_changed_with_the_settings(default: Running) -> None:
    ingests = [{"id": "x", "url": "http://127.0.0.1/"}]
    async with httpx.AsyncClient(base_url=default.url) as client:
        assert (await client.patch("/api/channels/main/settings", json={"ingests": ingests})).status_code == 400


@pytest_asyncio.fixture(scope="module")
async def default() -> AsyncIterator[Running]:
    """A service without permission for private addresses."""
    async with running() as service:
        yield service
