"""The service as one runs it for others: beyond this computer, with TLS, behind nginx, and how it stops."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from surtitle.audio import RATE
from surtitle.audio.pcm import to_pcm
from surtitle.core.settings import own_address
from tests.processes import run_nginx
from tests.support import blocks, error_rate, free_port, need, speech

COMMAND = [sys.executable, "-m", "surtitle"]
DEPLOY = Path(__file__).parents[2] / "deploy"
TEXT = "We walked along the river until the sun went down."


@asynccontextmanager
async def served(folder: Path, *arguments: str, url: str = "http://127.0.0.1:{port}") -> AsyncIterator[Served]:
    """`surtitle serve` in a process of its own, until the block ends."""
    port = free_port()
    command = [
        *COMMAND,
        "serve",
        "--engine",
        "pocketsphinx",
        "--port",
        str(port),
        "--data-dir",
        str(folder),
        *arguments,
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: ASYNC220 - it is not waited for
    service = Served(process, port, folder, url.format(port=port))
    try:
        await service.ready()
        yield service
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(20)
    assert "Traceback" not in service.log


class Served:
    """A service that runs; ``url`` is where a client reaches it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, folder: Path, url: str) -> None:
        self.process, self.port, self.folder, self.url = process, port, folder, url

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    async def ready(self) -> None:
        async with httpx.AsyncClient(verify=False) as client, asyncio.timeout(30):
            while True:
                with suppress(httpx.HTTPError):
                    if (await client.get(f"{self.url}/readyz")).status_code == 200:
                        return
                assert self.process.poll() is None, self.log
                await asyncio.sleep(0.1)

    def token(self, *arguments: str) -> str:
        return surtitle("token", "-q", "--data-dir", str(self.folder), *arguments).strip()


def surtitle(*arguments: str) -> str:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def speak(url: str, token: str, tls: ssl.SSLContext | None = None) -> str:
    """Publish a sentence; what was understood."""
    address = url.replace("http", "ws", 1) + "/api/channels/main/audio"
    async with connect(address, proxy=None, ssl=tls) as socket:
        await socket.send(json.dumps({"op": "start", "rate": RATE, "source": "test", "token": token}))
        for block in blocks(speech(TEXT), RATE // 10):
            await socket.send(to_pcm(block))
        await socket.send('{"op":"end"}')
        said = [json.loads(message) async for message in socket]
    return " ".join(message["text"] for message in said if message["type"] == "final")


async def test_from_one_computer_to_another(tmp_path: Path) -> None:
    """As a streamer does it: a secret, the service, a token, a link; and taking the link back."""
    surtitle("token", "new-secret", "--data-dir", str(tmp_path))
    async with served(tmp_path, "--host", "0.0.0.0") as service:
        outside = f"http://{own_address('0.0.0.0')}:{service.port}"
        assert f"{outside}/overlay/main" in service.log
        heard = await speak(outside, service.token("--scope", "publish"))
        assert error_rate(TEXT, heard) < 0.3
        told = surtitle("token", "--data-dir", str(tmp_path), "--name", "guest")
        found = re.search(r"viewer +(\S+)", told)
        assert found is not None
        link = found[1]
        assert link.startswith(outside)
        async with httpx.AsyncClient() as client:
            assert (await client.get(link)).status_code == 200
            assert (await client.get(link.partition("?")[0])).status_code == 200  # by the cookie
        async with httpx.AsyncClient() as client:
            for stranger in (service.url, outside):
                assert (await client.get(f"{stranger}/view/main")).status_code == 401
        surtitle("token", "--data-dir", str(tmp_path), "revoke", str(re.search(r"token revoke (\w+)", told)[1]))  # type: ignore[index]
        async with httpx.AsyncClient() as client, asyncio.timeout(5):
            while (await client.get(link)).status_code != 401:
                await asyncio.sleep(0.2)
    assert "eyJ" not in service.log


async def test_tls(tmp_path: Path) -> None:
    surtitle("token", "new-secret", "--data-dir", str(tmp_path))
    certificate, key = certify(tmp_path)
    trusted = ssl.create_default_context(cafile=str(certificate))
    vosk_port = free_port()
    tls = ("--tls-cert", str(certificate), "--tls-key", str(key), "--vosk-port", str(vosk_port))
    async with served(tmp_path, "--require-token", *tls, url="https://localhost:{port}") as service:
        async with connect(f"ws://localhost:{vosk_port}", proxy=None) as socket:  # Vosk clients know no TLS
            await socket.send('{"eof" : 1}')
            assert json.loads(await socket.recv()) == {"text": ""}
        token = service.token("--scope", "admin")
        assert error_rate(TEXT, await speak(service.url, token, trusted)) < 0.3
        async with httpx.AsyncClient(verify=trusted, base_url=service.url) as client:
            page = await client.get(f"/view/main?token={token}")
            assert "secure" in page.headers["set-cookie"].lower()
            headers = {"authorization": f"Bearer {token}"}
            assert (await client.post("/api/demo", headers=headers)).json() == {"started": True}
            async with asyncio.timeout(20):
                while "started on" not in service.log.partition("Demo")[2]:
                    await asyncio.sleep(0.2)


@pytest.mark.parametrize("kind", ["missing", "garbage", "another"])
def test_certificates_that_cannot_be_used(tmp_path: Path, kind: str) -> None:
    certificate, key = certify(tmp_path)
    (tmp_path / "other").mkdir()
    wrong = {"missing": tmp_path / "none.pem", "garbage": tmp_path / "text", "another": certify(tmp_path / "other")[1]}
    (tmp_path / "text").write_text("this is no key")
    command = [
        *COMMAND,
        "serve",
        "--port",
        str(free_port()),
        "--tls-cert",
        str(certificate),
        "--tls-key",
        str(wrong[kind]),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Cannot enable TLS" in done.stderr
    assert "Traceback" not in done.stderr
    assert key.exists()


def certify(folder: Path) -> tuple[Path, Path]:
    """A certificate of one's own for localhost, and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = [need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += [
        "-addext",
        "subjectAltName=DNS:localhost,DNS:captions.example",
        "-out",
        str(certificate),
        "-keyout",
        str(key),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return certificate, key


@pytest.mark.alone
async def test_stopping_flushes_what_is_being_said(tmp_path: Path) -> None:
    """A reader sees the last words as a final caption, and all is over within the time that is promised."""
    async with served(tmp_path) as service:
        place = f"ws://127.0.0.1:{service.port}/api/channels/main"
        captions: list[dict[str, object]] = []

        async def follow() -> None:
            async with connect(f"{place}/captions", proxy=None) as socket:
                with suppress(ConnectionClosed):
                    async for message in socket:
                        told = json.loads(message)
                        if told["event"] == "caption":
                            captions.append(told["data"])

        following = asyncio.create_task(follow())
        async with connect(f"{place}/audio", proxy=None) as socket:
            await socket.send(json.dumps({"op": "start", "rate": RATE, "source": "test"}))
            spoken = speech(TEXT)
            for block in blocks(spoken[: len(spoken) - RATE], RATE // 10):  # no pause at its end
                await socket.send(to_pcm(block))
                await asyncio.sleep(0.1)
            async with asyncio.timeout(30):
                while not captions:
                    await asyncio.sleep(0.05)
            assert not captions[-1]["final"]
            service.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            said = []
            with suppress(ConnectionClosed):
                async for message in socket:
                    said.append(json.loads(message))  # noqa: PERF401 - it ends by an exception
            assert socket.close_code == 1012
        await asyncio.wait_for(following, 20)
        assert service.process.wait(20) == 0
        took = time.monotonic() - began
    assert said[-1]["code"] == "shutting_down"
    last = {str(one["id"]): one for one in captions}
    assert all(one["final"] for one in last.values())
    assert error_rate(TEXT, " ".join(str(one["text"]) for one in last.values())) < 0.4
    assert took < 8  # 5 s are promised; this machine may be busy


async def test_behind_nginx(tmp_path: Path) -> None:
    """The configuration that is shipped, with other addresses and a certificate of its own."""
    nginx = need("nginx")
    surtitle("token", "new-secret", "--data-dir", str(tmp_path))
    front = free_port()
    certificate, key = certify(tmp_path)
    public = f"https://localhost:{front}"
    async with served(tmp_path, "--public-url", public, "--trust-proxy", "127.0.0.1") as service:
        with proxy(nginx, tmp_path, front, service.port, certificate, key):
            trusted = ssl.create_default_context(cafile=str(certificate))
            token = service.token("--scope", "admin", "--channel", "*")
            async with httpx.AsyncClient(verify=trusted, base_url=public, timeout=20) as client:
                async with asyncio.timeout(10):
                    while True:
                        with suppress(httpx.HTTPError):
                            if (await client.get("/healthz")).status_code == 200:
                                break
                        await asyncio.sleep(0.1)
                assert (await client.get("/api/channels")).status_code == 401
                page = await client.get(f"/?token={token}")
                assert page.status_code == 200
                assert "secure" in page.headers["set-cookie"].lower()
                links = (await client.get("/api/channels/main/links")).json()
                assert links["viewer"].startswith(f"{public}/view/main?token=")
                async with client.stream("GET", "/api/channels/main/captions") as events:
                    assert events.status_code == 200
                    heard = await speak(public, token, trusted)
                    assert error_rate(TEXT, heard) < 0.3
                    async for line in events.aiter_lines():
                        if line == "event: caption":
                            break
                for _ in range(25):  # the proxy's clients are told apart: this one is kept out, another is not
                    refused = await client.get("/api/channels", headers={"authorization": "Bearer guess"})
                assert refused.status_code == 429
    assert "eyJ" not in (tmp_path / "access.log").read_text()


@contextmanager
def proxy(nginx: str, folder: Path, front: int, port: int, certificate: Path, key: Path) -> Iterator[None]:
    text = (DEPLOY / "nginx.conf").read_text()
    for shipped, ours in (
        ("surtitle:8000", f"127.0.0.1:{port}"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{front} ssl;"),
        ("listen [::]:443 ssl;", ""),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen [::]:80;", ""),
        ("captions.example", "localhost"),
        ("/etc/nginx/tls/fullchain.pem", str(certificate)),
        ("/etc/nginx/tls/privkey.pem", str(key)),
        ("/var/log/nginx/access.log", str(folder / "access.log")),
    ):
        assert shipped in text, shipped
        text = text.replace(shipped, ours)
    with run_nginx(nginx, folder, text):
        yield
