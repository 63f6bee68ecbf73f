"""Addresses that people enter must not reach what only this computer can reach."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from surtitle.outputs.http_client import HttpClient, Unanswered, is_public
from surtitle.outputs.state import TargetError, TargetRefused
from tests.outputs.fake_targets import FakeTarget, new_port, serving
from tests.support import need

PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "::"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_are_known(address: str) -> None:
    assert is_public(address)


async def ask(url: str, *, allow_private: bool = False) -> str:
    client = HttpClient(url, known_host=False, allow_private=allow_private, timeout=0.4)
    try:
        return (await client.request("POST", body=b"text")).text
    finally:
        await client.close()


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"]])
async def test_a_name_of_a_private_address_is_refused(answers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(host: str, port: int, **_options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(TargetRefused, match="not a public address"):
        await ask("https://captions.example.org/hook")


async def test_the_address_that_was_checked_is_the_one_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that has another address when it is asked for again would get around the check."""
    asked = []

    async def resolve(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    monkeypatch.setattr("surtitle.outputs.http_client.is_public", lambda address: True)
    port = new_port()
    with pytest.raises(Unanswered, match=r"captions\.example\.org cannot be reached"):
        await ask(f"https://captions.example.org:{port}/hook")
    assert asked == ["captions.example.org"]  # the connection was made to the address itself


async def test_the_certificate_must_be_for_the_name_although_the_connection_is_to_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = [need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test"]
    names = ["-addext", "subjectAltName=DNS:captions.example.org", "-keyout", str(key), "-out", str(certificate)]
    await asyncio.to_thread(subprocess.run, command + names, check=True, capture_output=True, timeout=60)
    monkeypatch.setattr("certifi.where", lambda: str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def resolve(host: str, port: int, **_options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    monkeypatch.setattr("surtitle.outputs.http_client.is_public", lambda address: True)
    fake = FakeTarget(new_port())
    async with serving(fake, context):
        await ask(f"https://captions.example.org:{fake.port}/hook")
        with pytest.raises(Unanswered, match="cannot be reached"):
            await ask(f"https://other.example.org:{fake.port}/hook")
    assert [request.headers["host"] for request in fake.requests] == [f"captions.example.org:{fake.port}"]


async def test_an_answer_is_read_only_up_to_a_limit_and_only_for_a_while() -> None:
    class Endless(FakeTarget):
        async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 X\r\n\r\n")
            while True:
                writer.write(b"x" * 1000)
                await writer.drain()

    endless = Endless(new_port())
    async with serving(endless):
        assert len(await ask(endless.url, allow_private=True)) == 4096

    class Slow(FakeTarget):
        async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 X\r\n")
            while True:
                writer.write(b"X: y\r\n")
                await writer.drain()
                await asyncio.sleep(0.1)

    slow = Slow(new_port())
    async with serving(slow):
        with pytest.raises(TargetError, match="does not answer in time"):
            await ask(slow.url, allow_private=True)


async def answer_with(answer: bytes) -> tuple[int, str, float]:
    """What becomes of the bytes of an answer, after which the connection stays open."""

    class Raw(FakeTarget):
        async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            await reader.readuntil(b"text")
            writer.write(answer)
            await writer.drain()
            return bool(await reader.read())

    raw = Raw(new_port())
    client = HttpClient(raw.url, known_host=False, allow_private=True, timeout=0.4)
    async with serving(raw):
        try:
            found = await client.request("POST", body=b"text")
            return found.status, found.text, found.retry_after
        finally:
            await client.close()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"Content-Length: 50\r\n\r\nshort", "short"),
        (b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        (b"Transfer-Encoding: chunked\r\n\r\nnonsense", ""),
        (b"Content-Length: 2\r\n\r\n\xff!", "\ufffd!"),
        (b"Location: http://[\r\nContent-Length: 0\r\n\r\n", ""),
    ],
)
async def test_a_status_counts_even_if_the_text_after_it_does_not_come_or_is_nonsense(
    answer: bytes, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surtitle.outputs.http_client._BODY_TIMEOUT", 0.1)
    assert await answer_with(b"HTTP/1.1 200 X\r\n" + answer) == (200, text, 0.0)


async def test_a_packed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    head = b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    _, text, _ = await answer_with(head + bomb)
    assert len(text) <= 4096
    assert not text.startswith("\0")


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), ("9" * 400, 60.0), ("-1", 0.0), ("soon", 0.0)])
async def test_how_long_a_target_wants_to_be_left_alone_is_read(value: str, seconds: float) -> None:
    answer = f"HTTP/1.1 429 X\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n"
    assert await answer_with(answer.encode()) == (429, "", seconds)


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH\r\n\0\xff\r\n\r\n", b"HTTP/1.1 200 X\r\nContent-Length: many\r\n\r\n"]
)
async def test_what_is_not_http_is_called_that(answer: bytes) -> None:
    with pytest.raises(Unanswered, match="does not answer in HTTP: check the address"):
        await answer_with(answer)


async def test_cookies_are_not_kept() -> None:
    class Cookies(FakeTarget):
        async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            self.texts.append((await reader.readuntil(b"text")).decode().lower())
            writer.write(b"HTTP/1.1 200 X\r\nSet-Cookie: a=b; Max-Age=1000\r\nContent-Length: 0\r\n\r\n")
            return True

    target = Cookies(new_port())
    client = HttpClient(target.url, known_host=False, allow_private=True, timeout=2)
    async with serving(target):
        await client.request("POST", body=b"text")
        await client.request("POST", body=b"text")
        await client.close()
    assert len(target.texts) == 2
    assert "cookie" not in "".join(target.texts)
